"""A task for people to read: what it was, what came of it, and what was understood of its prompt.

Pure functions. A plan is its engine's own: nothing here knows its names, only that it is plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seedbed.db import Record
from seedbed.storage import Storage
from seedbed.tasks import Task

UNTOLD = frozenset({"engine", "seed", "known", "unknown", "notes", "shots"})
"""What of a plan goes without saying, or is said in another place."""


def task(found: Task, history: Iterable[Record], storage: Storage) -> dict[str, Any]:
    """A task with its links and its history, as plain JSON."""
    files = {
        "video_url": found.output_key,
        "last_frame_url": found.last_frame_key,
        "thumbnail_url": found.thumbnail_key,
        "spritesheet_url": found.spritesheet_key,
    }
    return {
        "id": found.id,
        "api": found.dialect,
        "account_id": found.account_id,
        "status": found.status,
        "progress": round(found.progress, 3),
        "model": found.model,
        "mode": found.mode,
        "prompt": found.prompt,
        "media": [f"{medium.role}: {medium.url}" for medium in found.media],
        "aspect_ratio": found.aspect_ratio,
        "resolution": found.resolution,
        "size": f"{found.width}x{found.height}" if found.width else None,
        "duration_s": found.duration_s,
        "seed": found.seed,
        "price_credits": found.price_credits,
        "engine": found.engine,
        "error": f"{found.error_code}: {found.error_message}" if found.error_code else None,
        **{name: storage.link(key) if key else None for name, key in files.items()},
        "events": [f"{row['at']:%Y-%m-%d %H:%M:%S} {row['status']} (attempt {row['attempt']})" for row in history],
        "prompt_plan": found.plan,
    }


def understood(plan: Mapping[str, Any]) -> list[str]:
    """What an engine understood, in a line a shot, and a line for each of its notes."""
    shots = plan.get("shots")
    several = [shot for shot in shots if isinstance(shot, dict)] if isinstance(shots, list) else []
    lines = [_line(plan)] if not several or _line(plan) else []
    lines += [f"{number}. {_line(shot)}" for number, shot in enumerate(several, 1)]
    for part in (plan, *several):
        notes = part.get("notes")
        lines += [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []
    return [line for line in lines if line]


def _line(plan: Mapping[str, Any]) -> str:
    """What was said or chosen, without what is empty or off. Numbers are for machines."""
    return ", ".join(part for name, value in plan.items() if name not in UNTOLD and (part := _part(name, value)))


def _part(name: str, value: Any) -> str:
    name = name.replace("_", " ")
    if value is True:
        return name
    if isinstance(value, list):
        value = " and ".join(word for word in value if isinstance(word, str))
    return f"{name} {value}" if isinstance(value, str) and value else ""
