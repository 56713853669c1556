"""The command line, by real processes: without a service, with all that can go wrong, and its page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer.main
from typer.testing import CliRunner

from seedbed import __version__, cli, db, queue
from tests.conftest import make_person
from tests.home import ROOT, Home, balance, wait
from tests.test_tasks import accept

PAGE = ROOT / "docs" / "en" / "cli.md"


# While it does not run -----------------------------------------------------------------------------------------------


def test_everything_without_a_service(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    first = home.run("migrate")
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.startswith("migrated (revision ")
    assert home.run("migrate").stderr.startswith("nothing to do (revision ")
    assert home.json("account", "list") == []
    assert home.ok("account", "create", "alice@example.com", "--credits", "5") == "1\n"
    key = home.ok("key", "create", "--account", "alice@example.com").strip()
    table = home.ok("account", "list")
    assert "alice@example.com" in table
    assert "available credits" in table
    nothing = home.run("webhook", "list")
    assert (nothing.stdout, nothing.stderr) == ("", "none\n")
    findings = {row["check"]: row for row in home.json("doctor", "--data-dir", str(home.folder))}
    assert {row["state"] for row in findings.values()} == {"ok"}, "no worker is no fault while nothing waits"
    # What was made without the service is there when it comes.
    process = subprocess.Popen(
        [sys.executable, "-m", "seedbed", "serve", "--port", "0", "--no-worker"],
        env=home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait(lambda: (home.folder / "running.json").exists())
        home.url = json.loads((home.folder / "running.json").read_text())["url"]
        wait(lambda: _healthy(home))
        assert balance(home, key) == 5
        assert httpx2.get(f"{home.url}/readyz").status_code == 503, "no worker was asked for"
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == "", "there are accounts already, so no first key"


def _healthy(home: Home) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"{home.url}/healthz").is_success
    return False


# What can go wrong ---------------------------------------------------------------------------------------------------


@pytest.fixture
def home(dsn: str, tmp_path: Path) -> Home:
    """Commands on the test's own database."""
    return Home(tmp_path / "home", {"SEEDBED_DATABASE_URL": dsn})


async def test_wrong_calls_are_refused_in_words(home: Home, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        await make_person(conn, "alice")
    key = ("key", "create", "--account")
    cases: list[tuple[str, tuple[str, ...]]] = [
        ("There is no account for nobody@example.com", (*key, "nobody@example.com")),
        ("There is no account for nobody@example.com", ("credit", "grant", "nobody@example.com", "5")),
        ("--api must be one of open, studio", (*key, "alice@example.com", "--api", "opne")),
        ("must begin with https://", (*key, "alice@example.com", "--webhook-url", "http://10.0.0.1/")),
        ("takes no webhooks", (*key, "alice@example.com", "--webhook-url", "http://127.0.0.1:8787/hook")),
        ("is not an email address", ("account", "create", "nonsense")),
        ("There is no delivery msg_0", ("webhook", "redeliver", "msg_0")),
        ("There is no live key 999", ("key", "revoke", "999")),
    ]
    for words, args in cases:
        assert words in await asyncio.to_thread(home.refused, *args)
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM accounts") == 1
        assert await conn.fetchval("SELECT count(*) FROM api_keys") == 1


@pytest.mark.parametrize(
    ("words", "args"),
    [
        ("'--account'", ("key", "create")),
        ("No such command", ("nonsense",)),
        ("'EMAIL'", ("account", "create")),
        ("'CREDITS'", ("credit", "grant", "alice@example.com", "0")),
        ("'CREDITS'", ("credit", "grant", "alice@example.com", "99999999999999999999")),
        ("'--credits'", ("account", "create", "b@example.com", "--credits", "-1")),
        ("'--credits'", ("account", "create", "b@example.com", "--credits", "99999999999999999999")),
        ("'--per-minute'", ("key", "create", "--account", "alice@example.com", "--per-minute", "99999999999")),
        ("'--monthly'", ("key", "create", "--account", "alice@example.com", "--monthly", "-1")),
        ("'ID'", ("key", "rotate", "99999999999999999999")),
        ("'--limit'", ("webhook", "list", "--limit", "0")),
    ],
)
def test_a_call_that_is_malformed_ends_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, words: str, args: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SEEDBED_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    done = CliRunner().invoke(cli.app, args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words.lower() in done.stderr.lower()


def test_wrong_settings_stop_the_service_in_words(home: Home, tmp_path: Path) -> None:
    catalogue = tmp_path / "mine.toml"
    catalogue.write_text("credits_per_usd = 128\n[[model]]\nid = 'X'\n")
    cases = {
        f"{catalogue}:3: model.1.id": {"SEEDBED_CATALOGUE": str(catalogue)},
        "SEEDBED_SECRET_KEY: must be at least 16 bytes long": {"SEEDBED_SECRET_KEY": "short"},
        "SEEDBED_TRUSTED_HOSTS: 'http://x/'": {"SEEDBED_TRUSTED_HOSTS": "http://x/"},
        "SEEDBED_DATABASE_URL: the database cannot be used": {
            "SEEDBED_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"
        },
    }
    for words, bad in cases.items():
        assert words in home.refused("serve", "--port", "0", **bad)
    assert not (home.folder / "running.json").exists()


async def test_a_first_key_is_not_lost_to_a_failed_start(home: Home, pool: db.Pool) -> None:
    await asyncio.to_thread(lambda: home.refused("serve", "--port", "0", SEEDBED_SECRET_KEY="short"))
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM accounts") == 0


async def test_a_breach_of_the_ledger_is_printed(home: Home, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "alice")
        await conn.execute("UPDATE accounts SET available_credits = available_credits + 1")
    done = await asyncio.to_thread(home.run, "credit", "audit")
    assert done.returncode == 1
    assert done.stdout == (
        f"balances equal the sums of their entries: account {person.account_id} has 1001/0, entries say 1000/0\n"
    )


async def test_a_doctor_names_what_is_wrong_and_what_to_do(home: Home, pool: db.Pool, tmp_path: Path) -> None:
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "alice")
        await accept(conn, person)
        lost = await accept(conn, person)
        await queue.drop(conn, lost.id)
        await conn.execute("UPDATE accounts SET held_credits = held_credits + 1")
    (tmp_path / "a-file").write_text("")
    bad = {
        "SEEDBED_CATALOGUE": str(tmp_path / "nothing.toml"),
        "SEEDBED_PRICES": str(tmp_path / "no-prices.toml"),
        "SEEDBED_ENGINES": "nothing",
        "SEEDBED_STORAGE_URL": str(tmp_path / "a-file" / "below"),
    }
    done = await asyncio.to_thread(lambda: home.run("doctor", "--json", **bad))
    assert (done.returncode, done.stderr) == (1, "")
    rows = {row["check"]: row for row in json.loads(done.stdout)}
    assert {name for name, row in rows.items() if row["state"] == "ok"} == {"disk", "database", "sign-in"}
    assert all(bool(row["do"]) == (row["state"] == "WRONG") for row in rows.values())
    assert "nothing.toml" in rows["catalogue"]["detail"]
    assert "no-prices.toml" in rows["payments"]["detail"]
    assert "unknown engine 'nothing'" in rows["engines"]["detail"]
    assert "a-file" in rows["storage"]["detail"]
    assert "entries say" in rows["ledger"]["detail"]
    assert rows["tasks"]["detail"] == "1 waiting without a job"
    assert rows["workers"]["detail"].startswith("0 workers; 1 jobs wait")
    done = await asyncio.to_thread(lambda: home.run("doctor", SEEDBED_DATABASE_URL="postgresql://x@127.0.0.1:1/x"))
    assert done.returncode == 1
    assert re.search(r"^database +WRONG +.*cannot be used", done.stdout, re.MULTILINE)


async def test_a_database_of_another_version(home: Home, pool: db.Pool) -> None:
    async with db.connection(pool) as conn:
        await conn.execute("UPDATE alembic_version SET version_num = '9999'")
    said = await asyncio.to_thread(lambda: home.refused("account", "list"))
    assert "another version" in said
    assert "9999" in said
    done = await asyncio.to_thread(lambda: home.run("doctor"))
    assert done.returncode == 1
    assert "at revision 9999" in done.stdout


def test_the_version(home: Home) -> None:
    assert home.ok("version") == f"{__version__}\n"


# The page ------------------------------------------------------------------------------------------------------------


def _commands() -> Iterator[tuple[str, Any]]:
    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        if hasattr(command, "commands"):
            for name, below in command.commands.items():
                yield from walk(below, f"{path} {name}")
        else:
            yield path, command

    return walk(typer.main.get_command(cli.app), "seedbed")


def test_every_command_and_option_is_documented() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    documented = {section.partition("\n")[0]: section for section in sections}
    assert documented.keys() == dict(_commands()).keys()
    for path, command in _commands():
        section = documented[path]
        usage = re.search(r"^```\n(.*)\n```$", section, re.MULTILINE)
        assert usage, path
        assert usage[1].startswith(path)
        given = [word for word in usage[1].removeprefix(path).split() if word.isupper()]
        needed = [p for p in command.params if p.required]
        assert len(given) == len(needed), path
        options = {name for p in command.params if p.param_type_name == "option" for name in p.opts}
        rows = re.findall(r"^\| (`-.+?) \| (.+?) \| (.+) \|$", section, re.MULTILINE)
        assert {name for names, _, _ in rows for name in re.findall(r"`(-[\w-]+)`", names)} == options, path
        for p in command.params:
            if p.param_type_name == "option" and p.default not in (None, False, ""):
                [default] = [row[1] for row in rows if f"`{p.opts[-1]}`" in row[0]]
                assert default == f"`{p.default}`", (path, p.opts)


def test_every_command_says_what_it_does() -> None:
    for path, command in _commands():
        assert command.help, path
        for p in command.params:
            if p.param_type_name == "option" and p.name != "output":
                assert getattr(p, "help", None) or p.name == "limit", (path, p.name)
