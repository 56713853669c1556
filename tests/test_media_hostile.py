"""Hostile files: each is refused within 10 s and 1 GiB in a process of its own, and nobody hears its words."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from seedbed.media import forms, sandbox
from seedbed.media.refusals import REASONS, Refused
from tests import hostile_files as files

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def good_mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return files.film(tmp_path_factory.mktemp("good") / "good.mp4", frames=48, sound=True).read_bytes()


def _picture(form: str, **options: object) -> bytes:
    import io

    out = io.BytesIO()
    Image.effect_noise((120, 90), 80).convert("RGB").save(out, form, **options)
    return out.getvalue()


def _animation(form: str) -> bytes:
    import io

    out = io.BytesIO()
    frames = [Image.effect_noise((60, 40), 80).convert("RGB") for _ in range(4)]
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


HUGE = struct.pack(">I", 0xFFFFFFF0)

CASES: dict[str, tuple[set[str], Callable[[bytes, Path], bytes]]] = {
    "a picture of 65,535 × 65,535": ({"pixels"}, lambda good, path: files.huge_png()),
    "a picture over 50 megapixels": ({"pixels"}, lambda good, path: files.wide_png()),
    "comments that unpack to 13 GB": ({"damaged", "costly"}, lambda good, path: files.text_bomb_png()),
    "100,000 frames": ({"frames"}, lambda good, path: files.many_frames_gif()),
    "61 frames": ({"frames"}, lambda good, path: files.many_frames_gif(61)),
    "a huge canvas": ({"pixels"}, lambda good, path: files.huge_canvas_gif()),
    "blocks without end": ({"damaged"}, lambda good, path: files.endless_gif()),
    "1000 scans": ({"costly"}, lambda good, path: files.scans_jpeg()),
    "half a PNG": ({"damaged"}, lambda good, path: _half(_picture("PNG"))),
    "half a JPEG": ({"damaged"}, lambda good, path: _half(_picture("JPEG"))),
    "half a WebP": ({"damaged"}, lambda good, path: _half(_picture("WEBP"))),
    "half a BMP": ({"damaged"}, lambda good, path: _half(_picture("BMP"))),
    "half a GIF": ({"damaged"}, lambda good, path: _half(_animation("GIF"))),
    "half an animated WebP": ({"damaged"}, lambda good, path: _half(_animation("WEBP"))),
    "half an MP4": ({"damaged"}, lambda good, path: _half(good)),
    "an MP4 without its index": ({"damaged"}, lambda good, path: good[: good.index(b"moov") - 4]),
    "a sample table that lies": ({"damaged"}, lambda good, path: files.lying_mp4(good, b"stsz", 8, HUGE)),
    "samples of one lying size": ({"damaged"}, lambda good, path: files.lying_mp4(good, b"stsz", 4, HUGE)),
    "times that lie": ({"damaged", "long"}, lambda good, path: files.lying_mp4(good, b"stts", 12, HUGE)),
    "runs that lie": ({"damaged"}, lambda good, path: files.lying_mp4(good, b"stsc", 4, HUGE)),
    "chunks beyond the end": ({"damaged"}, lambda good, path: files.lying_mp4(good, b"stco", 8, HUGE)),
    "an index that overruns": ({"damaged"}, lambda good, path: files.lying_mp4(good, b"moov", -8, HUGE)),
    "boxes in boxes": ({"damaged", "empty"}, lambda good, path: files.boxes_in_boxes_mp4()),
    "a WAV that claims 4 GB": ({"damaged"}, lambda good, path: files.wav(bytes(800), claim=2**32 - 1)),
    "a WAV that claims a little more": ({"damaged"}, lambda good, path: files.wav(bytes(800), claim=802)),
    "a WAV without sound": ({"empty"}, lambda good, path: files.wav(b"")),
    "a WAV at 4 GHz": ({"damaged"}, lambda good, path: files.wav(bytes(800), rate=2**32 - 1, bits=0)),
    "an MP4 without pictures": ({"empty"}, lambda good, path: files.soundtrack(path)),
}

TAKEN: dict[str, Callable[[bytes, Path], bytes]] = {
    "data that unpacks to 256 MB behind the last pixel": lambda good, path: files.bomb_png(),
    "a picture with an archive behind it": lambda good, path: _picture("PNG") + b"PK\x03\x04" + b"secret tail" * 50,
    "a picture with a script in its comment": lambda good, path: _picture("JPEG", comment=b"<script>secret tail"),
    "a sound whose tag claims a picture of 200 MB": lambda good, path: (
        files.id3(b"APIC" + struct.pack(">IH", 200_000_000, 0) + b"\0image/png\0\3\0" + b"secret tail" * 9)
        + files.mp3(path)
    ),
    "a sound behind 3 tags of a megabyte": lambda good, path: (
        files.id3(b"PRIV" + struct.pack(">IH", 1_000_000, 0) + bytes(1_000_000)) * 3 + files.mp3(path)
    ),
}


@pytest.fixture(scope="module")
def outcomes(good_mp4: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Each file through the sandbox, one after another, from one process whose children are measured."""
    folder = tmp_path_factory.mktemp("hostile")
    making = {name: make for name, (_, make) in CASES.items()} | TAKEN
    for number, make in enumerate(making.values()):
        (folder / str(number)).write_bytes(make(good_mp4, folder / "making"))
    script = textwrap.dedent("""
        import asyncio, json, resource, sys, time
        from pathlib import Path
        from seedbed.media import forms, sandbox
        from seedbed.media.refusals import Refused

        async def one(folder, number, places):
            path, own = folder / str(number), folder / f"out-{number}"
            own.mkdir()
            form = forms.sniff(path)
            found = {"form": form and form.name}
            async with places:
                begun = time.monotonic()
                try:
                    plain = await sandbox.normalise(path, form, own)
                    found |= {"kind": plain.kind, "path": str(plain.path), "walls": sorted(plain.walls)}
                except Refused as refused:
                    found["refused"] = refused.code
                found["took_s"] = time.monotonic() - begun
            found["peak_kb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            return found

        async def main(folder, count):
            places = asyncio.Semaphore(3)
            for found in await asyncio.gather(*(one(folder, number, places) for number in range(count))):
                print(json.dumps(found))

        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(len(making))], capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a decoder's words came through"
    return dict(zip(making, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_refused(outcomes: dict[str, dict], name: str) -> None:
    found = outcomes[name]
    assert found["form"] is not None, "it is meant to get past the first look"
    assert found.get("refused") in CASES[name][0], found
    assert found["peak_kb"] <= 1 << 20
    # The sandbox's own deadline is 10 s; what is over it is the start and the end of a process.
    assert found["took_s"] < 13


@pytest.mark.parametrize("name", TAKEN)
def test_what_rides_along_with_a_good_medium_is_left_behind(outcomes: dict[str, dict], name: str) -> None:
    found = outcomes[name]
    assert "refused" not in found, found
    assert found["peak_kb"] <= 1 << 20
    data = Path(found["path"]).read_bytes()
    assert b"secret tail" not in data
    assert len(data) < 4 << 20


@pytest.mark.parametrize("name", files.REFUSED_BY_SIGHT)
def test_what_is_not_on_the_list_is_never_opened(name: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(files.REFUSED_BY_SIGHT[name])
    assert forms.sniff(path) is None


def test_reasons_are_in_our_own_words() -> None:
    for code, reason in REASONS.items():
        assert Refused(code).code == code
        assert reason[0].islower()
        assert not reason.endswith(".")
    with pytest.raises(ValueError):
        Refused("Invalid data found when processing input")


# The walls ---------------------------------------------------------------------------------------------------


def inside(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` behind the walls, in `tmp_path`, as the decoder is run."""
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom seedbed.media import walls\n"
        f"standing = walls.put_up(Path.cwd(), parent=os.getppid())\n{textwrap.dedent(code)}"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    done = inside(tmp_path_factory.mktemp("walls"), "print(*standing)")
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())


def _forbidden(tmp_path: Path, code: str) -> None:
    done = inside(tmp_path, f"try:\n    {code}\nexcept (OSError, MemoryError) as error:\n    print('held', error)")
    assert done.stdout.startswith("held"), (done.returncode, done.stdout, done.stderr)


def test_all_walls_stand_here(standing: frozenset[str]) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("walls are Linux's")
    assert "calls" in standing


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.socketpair()",
        "import socket; socket.socket(socket.AF_UNIX)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 0)",
    ],
)
def test_no_sockets_no_programs_no_signals(tmp_path: Path, standing: frozenset[str], code: str) -> None:
    if "calls" not in standing:
        pytest.skip("this kernel or processor has no filter for system calls")
    _forbidden(tmp_path, code)


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd').read()",
        "open('/proc/1/environ').read()",
        "os.listdir('/')",
        "open('../outside', 'w')",
        "os.unlink('../precious')",
        "os.symlink('/etc/passwd', 'plain.png')",
        "os.mkdir('folder')",
    ],
)
def test_no_files_but_its_own(tmp_path: Path, standing: frozenset[str], code: str) -> None:
    if "files" not in standing:
        pytest.skip("this kernel has no Landlock")
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "precious").write_text("x")
    _forbidden(own, code)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own", "precious"]


@pytest.mark.parametrize("code", ["kept = bytearray(1 << 30)", "kept = [open('f', 'w') for _ in range(100)]"])
def test_no_more_memory_or_files_than_allowed(tmp_path: Path, code: str) -> None:
    _forbidden(tmp_path, code)


def test_no_more_time_on_the_processor_than_allowed(tmp_path: Path) -> None:
    """20 s while a medium is only looked at, and it cannot give itself more than the 400 of long work."""
    code = """
        import resource
        print(*resource.getrlimit(resource.RLIMIT_CPU), flush=True)
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (401, 401))
        except (OSError, ValueError):
            print("held", flush=True)
        resource.setrlimit(resource.RLIMIT_CPU, (1, 400))
        while True:
            pass
    """
    done = inside(tmp_path, code)
    assert done.returncode == -signal.SIGXCPU
    assert done.stdout.split() == ["20", "400", "held"]


def test_it_may_write_in_its_folder_and_start_threads(tmp_path: Path, standing: frozenset[str]) -> None:
    if "calls" not in standing:
        pytest.skip("without the filter there are no threads either")
    code = """
        import threading
        def write():
            Path('plain.png').write_text('ok')
        thread = threading.Thread(target=write)
        thread.start(); thread.join()
        Path('plain.png').unlink(); print(Path('plain.png').exists())
    """
    assert inside(tmp_path, code).stdout == "False\n"


def test_it_has_no_capabilities_and_no_descriptors(tmp_path: Path) -> None:
    done = inside(
        tmp_path,
        """
        import ctypes, struct
        head, data = struct.pack('=Ii', 0x20080522, 0), ctypes.create_string_buffer(24)
        ctypes.CDLL(None).capget(head, data)
        print(data.raw == bytes(24), sorted(os.environ.keys() - {'LC_CTYPE'}), os.get_inheritable(2))
        """,
    )
    assert done.stdout == "True [] True\n", done


# The caller's side -----------------------------------------------------------------------------------------


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Puts a program of the test's own in the decoder's place: a hostile process instead of a hostile file."""
    source = tmp_path / "medium"
    source.write_bytes(files.wav(bytes(8000)))

    def replaced(code: str) -> Path:
        program = tmp_path / "decoder"
        program.write_text(f"#!{sys.executable}\nimport json, os, sys, time, subprocess\n{textwrap.dedent(code)}")
        program.chmod(0o755)
        monkeypatch.setattr(sandbox.sys, "executable", str(program))
        return source

    return replaced


def _own(tmp_path: Path) -> Path:
    own = tmp_path / "own"
    own.mkdir()
    return own


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('Invalid data found in /etc/passwd')", "damaged"),
        ("print(json.dumps({'refused': 'a secret <script>'}))", "damaged"),
        ("print(json.dumps({'refused': ['pixels']}))", "damaged"),
        ("print('[' * 3000)", "damaged"),
        ("print('x' * 100_000)", "costly"),
        ("print(json.dumps({'plain': {'kind': 'image', 'width': 1, 'height': 1}}))", "damaged"),
        ("os.mkfifo('plain.png'); print(json.dumps({'plain': {'kind': 'image', 'width': 1, 'height': 1}}))", "damaged"),
        ("os.symlink('/etc/passwd', 'plain.png'); print(json.dumps({'plain': {'kind': 'image'}}))", "damaged"),
        ("open('plain.png', 'w').write('x'); print(json.dumps({'plain': {'kind': 'image', 'width': -1}}))", "damaged"),
        ("open('plain.png', 'w').write('x'); print(json.dumps({'plain': {'kind': 'secret'}}))", "damaged"),
        (
            "open('plain.wav', 'w').write('x'); print('{\"plain\": {\"kind\": \"audio\", \"duration_s\": NaN}}')",
            "damaged",
        ),
        ("os.kill(os.getpid(), 11)", "damaged"),
        ("os.kill(os.getpid(), 9)", "costly"),
        ("os.kill(os.getpid(), 24)", "costly"),  # SIGXCPU: its time on the processor is up
        ("sys.exit(0)", "damaged"),
    ],
)
async def test_a_hostile_process_is_not_believed(
    patient: Callable[[str], Path], tmp_path: Path, code: str, reason: str
) -> None:
    source = patient(code)
    with pytest.raises(Refused) as refused:
        await sandbox.normalise(source, forms.FORMS["wav"], _own(tmp_path))
    assert refused.value.code == reason


async def test_a_process_that_says_nothing_is_ended_with_its_children(
    patient: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "PROBE_S_MAX", 1.0)
    source = patient(
        "child = subprocess.Popen(['sleep', '1000'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(1000)"
    )
    own = _own(tmp_path)
    with pytest.raises(Refused) as refused:
        await sandbox.normalise(source, forms.FORMS["wav"], own)
    assert refused.value.code == "costly"
    await _all_gone([int(pid) for pid in (own / "pids").read_text().split()])


async def test_a_cancelled_caller_leaves_no_process(patient: Callable[[str], Path], tmp_path: Path) -> None:
    source = patient("open('pids', 'w').write(str(os.getpid()))\ntime.sleep(1000)")
    own = _own(tmp_path)
    running = asyncio.create_task(sandbox.normalise(source, forms.FORMS["wav"], own))
    while not (own / "pids").exists() or not (own / "pids").read_text():
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await _all_gone([int((own / "pids").read_text())])


async def test_a_decoder_dies_with_its_worker(tmp_path: Path) -> None:
    """A worker that is killed outright takes its decoders with it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the kernel does this on Linux alone")
    code = """
        import os, subprocess, sys, time
        child = "import os, sys, time; from pathlib import Path; from seedbed.media import walls;" \\
                "walls.put_up(Path.cwd(), parent=os.getppid()); print(os.getpid(), flush=True); time.sleep(1000)"
        subprocess.Popen([sys.executable, "-I", "-c", child])
        time.sleep(1000)
    """
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, cwd=tmp_path, text=True
    )
    assert worker.stdout is not None
    with worker.stdout:
        pid = int(await asyncio.to_thread(worker.stdout.readline))
        assert psutil.pid_exists(pid)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        await _all_gone([pid])


async def _all_gone(pids: list[int]) -> None:
    for _ in range(600):
        if not any(_runs(pid) for pid in pids):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still there: {[pid for pid in pids if _runs(pid)]}")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
