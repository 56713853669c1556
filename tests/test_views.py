"""Tasks for people: a plan in words, whatever its engine calls things."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed import views
from seedbed.engines.previz import script


@pytest.mark.parametrize(
    ("plan", "lines"),
    [
        ({}, []),
        ({"engine": "x", "seed": 7, "notes": []}, []),
        ({"time": "night", "handheld": False, "aerial": True, "water": "", "salt": 4}, ["time night, aerial"]),
        ({"subjects": ["fox", "bird"], "fixed_lens": True}, ["subjects fox and bird, fixed lens"]),
        (
            {"engine": "x", "style": "noir", "shots": [{"move": "pan", "notes": ["a"]}, {"time": "dawn"}]},
            ["style noir", "1. move pan", "2. time dawn", "a"],
        ),
        ({"shots": "none", "notes": "nothing", "deep": {"a": 1}, "numbers": [1, 2]}, []),
        ({"shots": [3, {"move": "pan"}], "notes": [4, "b"]}, ["1. move pan", "b"]),
    ],
)
def test_a_plan_is_told_in_a_line_a_shot(plan: dict[str, Any], lines: list[str]) -> None:
    assert views.understood(plan) == lines


def test_the_embedded_engines_plan_is_told() -> None:
    plan = script.read("A river flowing through an autumn forest, aerial view, zorblat").plan()
    first, *notes = views.understood(plan)
    for words in ("water river", "season autumn", "aerial"):
        assert words in first
    assert any("zorblat" in note for note in notes)
