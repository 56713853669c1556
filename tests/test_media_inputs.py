"""Media from their addresses to the engine: which form, fetching, roles, limits, whose fault."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from seedbed.errors import TaskFailure
from seedbed.media import forms, inputs, sandbox
from seedbed.media.inputs import OwnFile, fetch_all, own_file
from seedbed.outbound import PublicClient
from seedbed.tasks import MediaRef
from tests import hostile_files as files
from tests.media_samples import GREEN, RED, Shelf, quarters, shelf, written

# Which forms -----------------------------------------------------------------------------------------------------


def _brands(*brands: bytes) -> bytes:
    return files.box(b"ftyp", brands[0], bytes(4), *brands[1:]) + bytes(64)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (_brands(b"isom"), "mp4"),
        (_brands(b"M4V ", b"mp42"), "mp4"),
        (_brands(b"XAVC", b"mp42"), "mp4"),
        (_brands(b"qt  "), "mov"),
        (_brands(b"M4A ", b"mp42", b"isom"), None),
        (_brands(b"heic", b"mif1"), None),
        (_brands(b"avif", b"isom"), None),
        (_brands(b"abcd"), None),
        (struct.pack(">I", 0) + b"ftypisom" + bytes(64), None),
        (b"\xff\xfe<\0h\0t\0m\0l\0" + bytes(4000), None),
        (b"BMW is a car, and this is no picture of one", None),
        (b"GIF88a" + bytes(40), None),
        (b"RIFF\0\0\0\0WEBP", "webp"),
    ],
)
def test_a_form_is_told_by_its_first_bytes(tmp_path: Path, data: bytes, name: str | None) -> None:
    path = tmp_path / "medium"
    path.write_bytes(data)
    form = forms.sniff(path)
    assert (form and form.name) == name


OWN = "http://127.0.0.1:8787"


async def fetched(tmp_path: Path, host: Shelf, *refs: MediaRef, **options: object) -> tuple[list[tuple], Counter[str]]:
    """(kind, role, file) of each medium, and what was noted."""
    folder, noted = tmp_path / f"task-{len(list(tmp_path.iterdir()))}", Counter()
    folder.mkdir()

    async def read_own(own: OwnFile, path: Path, bytes_max: int) -> bool:
        if own != OwnFile("0.signature", "uploads/ab/picture.png"):
            return False
        path.write_bytes(written(quarters(), "PNG"))
        return True

    async with PublicClient(frozenset({f"127.0.0.1:{host.port}"})) as client:
        found = await fetch_all(
            refs,
            folder,
            client,
            own_base_url=OWN,
            read_own=read_own,
            note=lambda outcome: noted.update([outcome]),
            **options,  # type: ignore[arg-type]
        )
    assert not list(folder.glob("raw-*")), "a stranger's bytes are not left lying about"
    return [(each.kind, each.role, each.path) for each in found], noted


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("stock")
    moving = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    return {
        "picture.png": written(quarters(), "PNG"),
        "other": written(quarters(), "JPEG"),
        "moving.gif": written(moving[0], "GIF", save_all=True, append_images=moving[1:], duration=100),
        "clip.mp4": files.film(folder / "clip", frames=12).read_bytes(),
        "sound.wav": files.wav(bytes([128, 140]) * 4000),
        "half.png": written(quarters(400, 400), "PNG")[:300],
        "page.html": files.HTML,
        "list": files.HLS,
        "slow": written(quarters(), "PNG"),
    }


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["picture.png"], ["first_frame"]),
        (["picture.png", "other"], ["first_frame", "last_frame"]),
        (["picture.png", "picture.png"], ["first_frame", "last_frame"]),
        (["picture.png", "other", "picture.png"], ["reference"] * 3),
        (["clip.mp4"], ["reference"]),
        (["picture.png", "sound.wav"], ["reference"] * 2),
        (["moving.gif"], ["reference"]),
        (["picture.png", "moving.gif"], ["reference"] * 2),
    ],
)
async def test_roles_are_decided_by_the_bytes(
    tmp_path: Path, stock: dict[str, bytes], names: list[str], roles: list[str]
) -> None:
    async with shelf(stock) as host:
        found, noted = await fetched(tmp_path, host, *(host.ref(name) for name in names))
    assert [role for _, role, _ in found] == roles
    assert host.asked == Counter(set(names)), "each URL is fetched once"
    assert noted == {"fetched": len(set(names))}
    kinds = {"moving.gif": "video", "clip.mp4": "video", "sound.wav": "audio"}
    assert [kind for kind, _, _ in found] == [kinds.get(name, "image") for name in names]
    for kind, _, path in found:
        assert path.name == sandbox.PLAIN_NAMES[kind]


async def test_a_model_without_references_takes_still_pictures_only(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        found, _ = await fetched(tmp_path, host, host.ref("other"), host.ref("picture.png"), references=False)
        assert [role for _, role, _ in found] == ["first_frame", "last_frame"]
        for names, place in ((["moving.gif"], 0), (["other", "clip.mp4"], 1), (["other", "other", "other"], 2)):
            with pytest.raises(TaskFailure) as failure:
                await fetched(tmp_path, host, *(host.ref(name) for name in names), references=False)
            assert failure.value.code == "invalid_media"
            assert failure.value.message == f"'mediaUrls.{place}': this model takes one or two still pictures only"


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("missing.png", "image", "could not be fetched: 127.0.0.1 answered 404"),
        ("half.png", "image", "is damaged, or only a part of a file"),
        ("page.html", None, "is not a picture, video or sound in a format that is taken"),
        ("list", "video", "is not a picture, video or sound in a format that is taken"),
        ("picture.png", "video", "is named as a video and is a picture"),
        ("clip.mp4", "image", "is named as a picture and is a video"),
        ("sound.wav", "video", "is named as a video and is a sound"),
    ],
)
async def test_the_url_at_fault_is_named(
    tmp_path: Path, stock: dict[str, bytes], name: str, kind: str | None, reason: str
) -> None:
    async with shelf(stock) as host:
        with pytest.raises(TaskFailure) as failure:
            await fetched(tmp_path, host, host.ref("other"), host.ref(name, kind), host.ref("missing.png"))
    assert failure.value.code == "invalid_media"
    assert failure.value.message == f"'mediaUrls.1' {reason}"


async def test_sizes_are_limited_by_kind(tmp_path: Path, stock: dict[str, bytes]) -> None:
    limits = inputs.Limits(bytes_max={"image": 100, "video": 10_000_000, "audio": 100})
    async with shelf(stock) as host:
        for kind in ("image", None):
            with pytest.raises(
                TaskFailure, match=r"'mediaUrls.0' is larger than 0 MB, the most that a picture may have"
            ):
                await fetched(tmp_path, host, host.ref("picture.png", kind), limits=limits)
        await fetched(tmp_path, host, host.ref("clip.mp4", "video"), limits=limits)
    assert inputs.BYTES_MAX == {"image": 30_000_000, "video": 100_000_000, "audio": 15_000_000}


async def test_a_download_has_30_seconds(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        with pytest.raises(TaskFailure, match=r"'mediaUrls.0' could not be fetched: ") as failure:
            await fetched(tmp_path, host, host.ref("slow"), limits=inputs.Limits(fetch_s_max=0.5))
    assert failure.value.code == "invalid_media"
    assert inputs.Limits().fetch_s_max == 30


async def test_addresses_that_are_not_public_are_never_dialled(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host, shelf(stock) as inner:
        for url in (
            f"http://127.0.0.1:{inner.port}/other",
            f"https://localhost:{inner.port}/other",
            "file:///etc/passwd",
        ):
            with pytest.raises(TaskFailure, match=r"'mediaUrls.0' could not be fetched: The URL"):
                await fetched(tmp_path, host, MediaRef(url=url, role="reference"))
    assert not inner.asked


async def test_files_of_our_own_are_read_in_place(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        own = MediaRef(url=f"{OWN}/files/0.signature/uploads/ab/picture.png", role="first_frame", kind="image")
        found, noted = await fetched(tmp_path, host, own)
        assert [each[:2] for each in found] == [("image", "first_frame")]
        assert noted == {"read": 1}
        gone = MediaRef(url=f"{OWN}/files/0.signature/uploads/ab/gone.png", role="first_frame", kind="image")
        with pytest.raises(TaskFailure, match=r"'mediaUrls.0' is not, or no longer, a file of this server"):
            await fetched(tmp_path, host, gone)
    assert not host.asked


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"{OWN}/files/sig/a/b.png", OwnFile("sig", "a/b.png")),
        (f"{OWN}/files/sig/a/b.png?download", OwnFile("sig", "a/b.png")),
        ("HTTP://127.0.0.1:8787/files/sig/b.png", OwnFile("sig", "b.png")),
        (f"{OWN}/files/sig/", None),
        (f"{OWN}/files/sig", None),
        (f"{OWN}/metrics", None),
        (f"{OWN}.evil.example/files/sig/b.png", None),
        (f"{OWN}@evil.example/files/sig/b.png", None),
        ("https://127.0.0.1:8787/files/sig/b.png", None),
        ("http://127.0.0.1:87870/files/sig/b.png", None),
        ("http://[/files/sig/b.png", None),
    ],
)
def test_which_urls_are_our_own(url: str, found: OwnFile | None) -> None:
    assert own_file(url, OWN) == found


async def test_cancelling_stops_downloads_and_leaves_nothing(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        running = asyncio.create_task(fetched(tmp_path, host, host.ref("other"), host.ref("slow")))
        while not host.asked["slow"]:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert not list(tmp_path.rglob("raw-*"))


async def test_a_busy_host_is_waited_for(
    tmp_path: Path, stock: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "BUSY_NAP_S", 0.02)
    many = stock | {f"picture-{number}": stock["other"] for number in range(12)}
    async with shelf(many) as host:
        found, noted = await fetched(tmp_path, host, *(host.ref(f"picture-{number}") for number in range(12)))
    assert len(found) == noted["fetched"] == 12
