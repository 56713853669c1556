"""The media of a request: fetched, told by their bytes, made plain, and given their roles.

Promises that an engine gets plain files only (see `decoding`), that each URL is fetched once a task, that
this server's own files are read in place, and that whatever is wrong with a medium ends as `invalid_media`
with the URL's place in the request and a reason in our own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from seedbed.engines import InputMedia, Kind, Role
from seedbed.errors import TaskFailure
from seedbed.media import forms, sandbox
from seedbed.media.forms import Form
from seedbed.media.kept import Kept
from seedbed.media.refusals import REASONS, Refused
from seedbed.media.sandbox import Plain
from seedbed.outbound import HostBusy, OutboundError, PublicClient, TooLarge

MB = 1_000_000
BYTES_MAX: dict[Kind, int] = {"image": 30 * MB, "video": 100 * MB, "audio": 15 * MB}
LENGTH_SLACK_S = 0.2
BUSY_NAP_S = 0.5
BUSY_TRIES = 60
NAMES: dict[Kind, str] = {"image": "a picture", "video": "a video", "audio": "a sound"}


class Ref(Protocol):
    """What a request says of a medium.

    `kind` is what the URL's name claims, None where it claims nothing; `field` what the URL is called, by default
    its place in `mediaUrls`; where `only` says what it may be, `role` stands; `together_s` is the most that all
    media of its kind may last together.
    """

    @property
    def url(self) -> str: ...
    @property
    def kind(self) -> Kind | None: ...
    @property
    def role(self) -> Role: ...
    @property
    def field(self) -> str | None: ...
    @property
    def only(self) -> tuple[Kind, ...] | None: ...
    @property
    def together_s(self) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes by kind, and seconds for one download."""

    bytes_max: dict[Kind, int] = field(default_factory=lambda: dict(BYTES_MAX))
    fetch_s_max: float = 30.0


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A link of this server, taken apart. Whether its signature is good is the storage's to say."""

    signature: str
    key: str


ReadOwn = Callable[[OwnFile, Path, int], Awaitable[bool]]
"""Copies a file of ours to a path, up to so many bytes. False: no such file, or not with this signature."""


def own_file(url: str, base_url: str) -> OwnFile | None:
    """The file of this server that `url` names, or None where it is no link of ours."""
    prefix = f"{base_url}/files/"
    if url[: len(prefix)].lower() != prefix.lower():
        return None
    signature, slash, key = url[len(prefix) :].partition("?")[0].partition("/")
    return OwnFile(signature, key) if slash and signature and key else None


def identify(path: Path, claimed: Kind | None, limits: Limits) -> Form:
    """The form of the medium at `path`. Raises Refused, or Mislabelled where its name says another kind."""
    form = forms.sniff(path)
    if form is None:
        raise Refused("unknown")
    if claimed is not None and claimed != form.kind:
        raise Mislabelled(claimed, form.kind)
    if path.stat().st_size > limits.bytes_max[form.kind]:
        raise Oversized(form.kind, limits.bytes_max[form.kind])
    return form


class Unfit(Exception):
    """The medium cannot be used; `reason` goes after its name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mislabelled(Unfit):
    def __init__(self, claimed: Kind, found: Kind) -> None:
        super().__init__(f"is named as {NAMES[claimed]} and is {NAMES[found]}")


class Misplaced(Unfit):
    def __init__(self, found: Kind, only: tuple[Kind, ...]) -> None:
        super().__init__(f"is {NAMES[found]}, and {' or '.join(NAMES[kind] for kind in only)} belongs there")


class Overlong(Unfit):
    def __init__(self, kind: Kind, together_s: int) -> None:
        super().__init__(f"makes all that is {NAMES[kind]} last more than {together_s} seconds together")


class Oversized(Unfit):
    def __init__(self, kind: Kind, bytes_max: int) -> None:
        super().__init__(f"is larger than {bytes_max // MB} MB, the most that {NAMES[kind]} may have")


async def fetch_all(
    refs: Sequence[Ref],
    folder: Path,
    client: PublicClient,
    *,
    own_base_url: str,
    read_own: ReadOwn,
    limits: Limits | None = None,
    references: bool = True,
    note: Callable[[str], None] = lambda outcome: None,
    kept: Kept | None = None,
) -> tuple[InputMedia, ...]:
    """Fetch all media of a request into `folder`, make them plain and decide their roles from their bytes.

    `references` says whether the model takes anything but a first and a last frame; `note` hears for each URL
    `fetched`, `read` (in place), `kept` (by an earlier attempt, and unchanged since), `unreachable` or `refused`;
    `kept` is what the task keeps between attempts. When cancelled, downloads and decoders stop and their files
    are the folder's owner's to remove.
    Raises TaskFailure (`invalid_media`) for the first URL, in their order, that cannot be used.
    """
    places = [ref.field or f"mediaUrls.{index}" for index, ref in enumerate(refs)]
    fetcher = _Fetcher(folder, client, own_base_url, read_own, limits or Limits(), note, kept)
    first = {ref.url: index for index, ref in reversed(list(enumerate(refs)))}
    try:
        urls = list(first)
        outcomes = await _all(fetcher.save(url, first[url], refs[first[url]].kind) for url in urls)
        saved = dict(zip(urls, outcomes, strict=True))
        plain: dict[str, Plain] = {}
        for index, ref in enumerate(refs):
            with _blamed(places[index], note):
                path = _given(saved[ref.url])
                form = identify(path, ref.kind, fetcher.limits)
                if ref.url not in plain:
                    plain[ref.url] = await fetcher.made_plain(path, form, index)
                if ref.only is not None and plain[ref.url].kind not in ref.only:
                    raise Misplaced(plain[ref.url].kind, ref.only)
    finally:
        for path in folder.glob("raw-*"):
            path.unlink(missing_ok=True)
    found = [plain[ref.url] for ref in refs]
    _check_lengths(refs, found, places, note)
    return tuple(
        InputMedia(
            path=_made(each),
            kind=each.kind,
            role=role,
            width=each.width,
            height=each.height,
            duration_s=each.duration_s,
        )
        for each, role in zip(found, _roles(refs, found, references, places), strict=True)
    )


def _check_lengths(
    refs: Sequence[Ref], found: Sequence[Plain], places: Sequence[str], note: Callable[[str], None]
) -> None:
    """Blames the first medium with which those of its kind last too long; LENGTH_SLACK_S is for what encoders add."""
    lasted: dict[Kind, float] = {}
    for ref, each, place in zip(refs, found, places, strict=True):
        lasted[each.kind] = lasted.get(each.kind, 0.0) + each.duration_s
        if ref.together_s is not None and lasted[each.kind] > ref.together_s + LENGTH_SLACK_S:
            with _blamed(place, note):
                raise Overlong(each.kind, ref.together_s)


def _roles(refs: Sequence[Ref], found: Sequence[Plain], references: bool, places: Sequence[str]) -> list[Role]:
    """As asked for, where the request says what each medium may be; else by number and kinds."""
    if all(ref.only is not None for ref in refs):
        return [ref.role for ref in refs]
    return roles([each.kind for each in found], references=references, places=places)


def roles(kinds: Sequence[Kind], *, references: bool, places: Sequence[str]) -> list[Role]:
    """What each medium is for: one picture is the first frame, two the first and the last, all else references.

    Raises TaskFailure (`invalid_media`) where the model takes no references.
    """
    if 1 <= len(kinds) <= 2 and all(kind == "image" for kind in kinds):
        frames: list[Role] = ["first_frame", "last_frame"]
        return frames[: len(kinds)]
    if not references:
        index = next((index for index, kind in enumerate(kinds) if kind != "image"), len(kinds) - 1)
        raise TaskFailure("invalid_media", f"'{places[index]}': this model takes one or two still pictures only")
    return ["reference"] * len(kinds)


def _made(plain: Plain) -> Path:
    assert plain.path is not None
    return plain.path


@dataclass(slots=True)
class _Fetcher:
    folder: Path
    client: PublicClient
    own_base_url: str
    read_own: ReadOwn
    limits: Limits
    note: Callable[[str], None]
    kept: Kept | None = None

    async def save(self, url: str, index: int, claimed: Kind | None) -> Path:
        """The bytes behind `url`. Raises Unfit."""
        path = self.folder / f"raw-{index}"
        most = self.limits.bytes_max[claimed] if claimed else max(self.limits.bytes_max.values())
        own = own_file(url, self.own_base_url)
        if own is not None:
            if not await self.read_own(own, path, most):
                self.note("unreachable")
                raise Unfit("is not, or no longer, a file of this server")
            self.note("read")
            return path
        try:
            changed = await self._download(url, path, most)
        except TooLarge:
            self.note("refused")
            kind = NAMES[claimed] if claimed else "a medium"
            raise Unfit(f"is larger than {most // MB} MB, the most that {kind} may have") from None
        except OutboundError as error:
            self.note("unreachable")
            raise Unfit(f"could not be fetched: {error.message}") from None
        self.note("fetched" if changed else "kept")
        return path

    async def _download(self, url: str, path: Path, most: int) -> bool:
        """The file at `path`, downloaded or as it was kept; whether it was downloaded.

        Where its host has its share of requests in flight, this one waits for its turn.
        """
        known = self.kept.tag(url) if self.kept else None
        for tries_left in reversed(range(BUSY_TRIES)):
            try:
                came = await self.client.download(
                    url, path, size_bytes_max=most, timeout_s=self.limits.fetch_s_max, known=known
                )
                break
            except HostBusy:
                if not tries_left:
                    raise
                await asyncio.sleep(BUSY_NAP_S)
        if self.kept and came.changed:
            self.kept.keep(url, came.etag, path)
        elif self.kept:
            self.kept.give(url, path)
        return came.changed

    async def made_plain(self, path: Path, form: Form, index: int) -> Plain:
        """The plain file, in a folder that the sandbox has to itself."""
        own_place = self.folder / f"medium-{index}"
        own_place.mkdir()
        return await sandbox.normalise(path, form, own_place)


async def _all(saves: Iterable[Coroutine[object, object, Path]]) -> list[Path | Unfit]:
    """The outcomes as values: every URL is tried, and the first at fault in their order is the one named.

    Anything else that is raised stops the rest.
    """
    running = [asyncio.ensure_future(_kept(save)) for save in saves]
    try:
        return await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _kept(save: Awaitable[Path]) -> Path | Unfit:
    try:
        return await save
    except Unfit as unfit:
        return unfit


def _given(outcome: Path | Unfit) -> Path:
    if isinstance(outcome, Unfit):
        raise outcome
    return outcome


class _blamed:
    """Turns what is wrong with a medium into the task's failure, with the place of its URL."""

    def __init__(self, place: str, note: Callable[[str], None]) -> None:
        self._place, self._note = place, note

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Refused):
            self._note("refused")
            raise TaskFailure("invalid_media", f"'{self._place}' {REASONS[error.code]}") from None
        if isinstance(error, Unfit):
            if isinstance(error, Mislabelled | Misplaced | Overlong | Oversized):
                self._note("refused")
            raise TaskFailure("invalid_media", f"'{self._place}' {error.reason}") from None
