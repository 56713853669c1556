"""The command line. Results alone go to stdout, so that they can be piped; all else goes to stderr.

Commands that touch the data open the database themselves: they work while the service runs and while it
does not. Importing this module is cheap; each command imports what it needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from seedbed import __version__
from seedbed.errors import ConfigError, InvalidRequest
from seedbed.settings import Settings
from seedbed.settings import load as load_settings

if TYPE_CHECKING:
    from seedbed.db import Connection
    from seedbed.supervisor import First

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Seedbed: your own Seedance API."
)
account_app = typer.Typer(no_args_is_help=True, help="Accounts.")
credit_app = typer.Typer(no_args_is_help=True, help="Credits: give them, and prove the ledger.")
key_app = typer.Typer(no_args_is_help=True, help="API keys.")
task_app = typer.Typer(no_args_is_help=True, help="Tasks.")
webhook_app = typer.Typer(no_args_is_help=True, help="Webhook deliveries.")
app.add_typer(account_app, name="account")
app.add_typer(credit_app, name="credit")
app.add_typer(key_app, name="key")
app.add_typer(task_app, name="task")
app.add_typer(webhook_app, name="webhook")

said = Console(stderr=True, highlight=False)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="SEEDBED_DATA_DIR", help="Folder of the embedded database and local files."),
]
INT4_MAX, INT8_MAX = 2**31 - 1, 2**63 - 1
CREDITS_MAX = 10**15
"""Most credits given at once: far from where sums of them would not fit."""

KeyId = Annotated[int, typer.Argument(min=1, max=INT8_MAX, metavar="ID", help="The key's number in `key list`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


# How commands reach the data -------------------------------------------------------------------------------


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The database's address: the given one, the running service's, or one started for this command."""
    from seedbed import db

    if settings.database_url is not None:
        with db.explained():
            yield settings.database_url
        return
    from seedbed.embedded import connect_or_start

    with connect_or_start(settings.data_dir / "postgres") as dsn:
        yield dsn


def _in_database(data_dir: Path | None, act: Callable[[Connection], Awaitable[T]], *, commit: bool = True) -> T:
    """Run `act` on a connection to the migrated database, in a transaction unless it makes its own."""
    from seedbed import db

    async def run(dsn: str) -> T:
        await db.migrate(dsn)
        pool = await db.open_pool(dsn, size=1, name="seedbed cli")
        try:
            async with db.transaction(pool) if commit else db.connection(pool) as conn:
                return await act(conn)
        finally:
            await pool.close()

    with _database(load_settings(data_dir=data_dir)) as dsn:
        return asyncio.run(run(dsn))


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=2))
    elif rows:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            table.add_column(name.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        Console(highlight=False).print(table)
    else:
        said.print("none")


# The service -------------------------------------------------------------------------------------------------


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data_dir: DataDir = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Run the API alone.")] = False,
) -> None:
    """Run the service: API, worker, and a database of its own unless SEEDBED_DATABASE_URL names one."""
    from seedbed import supervisor, telemetry

    settings = load_settings(host=host, port=port, data_dir=data_dir)
    telemetry.set_up_logs(settings.log_level, settings.log_format)
    supervisor.serve(settings, with_worker=not no_worker, announce=_announce)


def _announce(settings: Settings, first: First | None) -> None:
    base = settings.base_url
    said.print(f"\n[bold]Seedbed {__version__}[/] answers at [bold]{base}[/]  (data in {settings.data_dir.absolute()})")
    if first is None:
        said.print("A new key: seedbed key create --account EMAIL --api open\n")
        return
    said.print("\nThe console is yours by this link, which works once:\n")
    said.print(f"  {base}/link/{first.link}", soft_wrap=True, markup=False)
    said.print("\nThe admin's first key, shown this once:\n")
    typer.echo(first.key)
    said.print("\nTry:\n")
    prompt = "A river flowing through an autumn forest, aerial view, cinematic motion"
    body = json.dumps({"model": "seedance-2.0", "prompt": prompt})
    auth = f"-H 'Authorization: Bearer {first.key}'"
    for line in (
        f"curl {base}/api/open/v1/models",
        f"curl {base}/api/open/v1/video/generations {auth} -H 'Content-Type: application/json' -d '{body}'",
        f"curl {base}/api/open/v1/video/generations {auth}",
    ):
        said.print(f"  {line}", soft_wrap=True, markup=False)
    said.print()


@app.command()
def worker(
    engines: Annotated[str | None, typer.Option(help="Engines to offer, by commas; all that run by default.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Renders at a time.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Render tasks and deliver webhooks, beside the service or on another machine."""
    import uvloop

    from seedbed import telemetry

    settings = load_settings(engines=engines, concurrency=concurrency, data_dir=data_dir)
    telemetry.set_up_logs(settings.log_level, settings.log_format)
    with _database(settings) as dsn:
        uvloop.run(_work(settings.model_copy(update={"database_url": dsn})))


async def _work(settings: Settings) -> None:
    from seedbed import db
    from seedbed.engines import EngineError, offered
    from seedbed.outbound import PublicClient
    from seedbed.runtime import open_runtime
    from seedbed.scratch import Scratch
    from seedbed.worker import Worker

    assert settings.database_url is not None
    await db.migrate(settings.database_url)
    try:
        engines = offered(settings.engines)
    except EngineError as error:
        raise ConfigError(f"SEEDBED_ENGINES: {error.message}") from None
    size = min(settings.concurrency + 12, 64)
    client = PublicClient(settings.trusted, host_max=settings.webhook_host_max, timeout_s=settings.webhook_timeout_s)
    scratch = Scratch(settings.data_dir / "scratch")
    try:
        async with client, open_runtime(settings, pool_size=size, name="seedbed worker") as runtime:
            this = Worker(runtime, engines, scratch, client)
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, this.stop)
            await this.run()
    finally:
        scratch.close()
        for engine in engines.values():
            await engine.aclose()


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's schema up to this version."""
    from seedbed import db

    async def run(dsn: str) -> bool:
        return await db.migrate(dsn)

    with _database(load_settings(data_dir=data_dir)) as dsn:
        said.print("migrated" if asyncio.run(run(dsn)) else "nothing to do", f"(revision {db.head()})")


@app.command()
def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Say what is wrong, and what to do about it. Exits with 1 when anything is."""
    from seedbed import checkup

    settings = load_settings(data_dir=data_dir)
    findings = checkup.examine(settings, _database)
    _show([finding.row for finding in findings], as_json)
    if not all(f.good for f in findings):
        raise typer.Exit(1)


# Accounts and credits ------------------------------------------------------------------------------------------


@account_app.command("create")
def account_create(
    email: str,
    credits: Annotated[int, typer.Option(min=0, max=CREDITS_MAX, help="Credits to begin with.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Make an account; prints its id."""
    from seedbed import accounts, audit_log, ledger

    async def act(conn: Connection) -> int:
        account_id = await accounts.create(conn, email)
        await audit_log.note(conn, "account.made", account_id, by=None)
        if credits:
            await ledger.grant(conn, account_id, credits, "opening balance")
        return account_id

    typer.echo(_in_database(data_dir, act))


@account_app.command("list")
def account_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """All accounts with their balances."""

    async def act(conn: Connection) -> list[dict[str, Any]]:
        rows = await conn.fetch(
            "SELECT id, email, is_admin, available_credits, held_credits, created_at, suspended_at"
            " FROM accounts ORDER BY id"
        )
        return [dict(row) for row in rows]

    _show(_in_database(data_dir, act), as_json)


@account_app.command("suspend")
def account_suspend(email: str, data_dir: DataDir = None) -> None:
    """Refuse an account's keys and sessions; what it has bought is still made and delivered."""
    from seedbed import accounts, audit_log

    async def act(conn: Connection) -> None:
        account_id = await accounts.find(conn, email)
        await accounts.suspend(conn, account_id)
        await audit_log.note(conn, "account.suspended", account_id, by=None)

    _in_database(data_dir, act)


@account_app.command("resume")
def account_resume(email: str, data_dir: DataDir = None) -> None:
    """Let a suspended account's keys and sessions in again."""
    from seedbed import accounts, audit_log

    async def act(conn: Connection) -> None:
        account_id = await accounts.find(conn, email)
        await accounts.resume(conn, account_id)
        await audit_log.note(conn, "account.resumed", account_id, by=None)

    _in_database(data_dir, act)


@credit_app.command("grant")
def credit_grant(
    email: str,
    credits: Annotated[int, typer.Argument(min=1, max=CREDITS_MAX)],
    note: Annotated[str | None, typer.Option(help="Why; kept in the ledger.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Give credits to an account; prints what it can now spend."""
    from seedbed import accounts, audit_log, ledger

    async def act(conn: Connection) -> int:
        account_id = await accounts.find(conn, email)
        await audit_log.note(conn, "credits.granted", account_id, by=None, details=f"{credits}")
        return (await ledger.grant(conn, account_id, credits, note)).available

    typer.echo(_in_database(data_dir, act))


@credit_app.command("audit")
def credit_audit(data_dir: DataDir = None) -> None:
    """Prove the ledger: prints every breach of its rules; exits with 1 when there is any."""
    from seedbed import ledger

    breaches = _in_database(data_dir, ledger.audit, commit=False)
    for breach in breaches:
        typer.echo(breach)
    if breaches:
        raise typer.Exit(1)
    said.print(f"the ledger is sound ({len(ledger.CHECKS)} rules proved)")


# Keys ------------------------------------------------------------------------------------------------------------


@key_app.command("create")
def key_create(
    account: Annotated[str, typer.Option(help="Email of the account that pays.")],
    api: Annotated[str, typer.Option(help="open or studio.")] = "open",
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    webhook_url: Annotated[str | None, typer.Option(help="Where results are posted by default.")] = None,
    webhook_secret: Annotated[str | None, typer.Option(help="Signs this key's webhooks.")] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=1, max=INT4_MAX, help="Requests in a minute; 600 by default.")
    ] = None,
    monthly: Annotated[
        int | None, typer.Option(min=0, max=INT4_MAX, help="Tasks in a month (UTC); unlimited by default.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key; prints it, the only time."""
    from seedbed import accounts, addresses, audit_log

    if api not in accounts.PREFIXES:
        raise InvalidRequest(f"--api must be one of {', '.join(accounts.PREFIXES)}")
    if webhook_url is not None:
        settings = load_settings(data_dir=data_dir)
        if addresses.is_below(webhook_url, settings.base_url):
            raise InvalidRequest("--webhook-url must not be an address of this server, which takes no webhooks")
        webhook_url = addresses.check_url(webhook_url, settings.trusted)

    async def act(conn: Connection) -> str:
        key_id, secret = await accounts.create_key(
            conn,
            await accounts.find(conn, account),
            api,
            name=name,
            per_minute=per_minute,
            monthly=monthly,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
        )
        await audit_log.note_key(conn, "key.made", key_id, by=None)
        return secret

    typer.echo(_in_database(data_dir, act))


@key_app.command("list")
def key_list(
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keys with their limits and last use; never their secrets."""
    from dataclasses import asdict

    from seedbed import accounts

    async def act(conn: Connection) -> list[dict[str, Any]]:
        account_id = await accounts.find(conn, account) if account else None
        return [asdict(key) for key in await accounts.list_keys(conn, account_id)]

    _show(_in_database(data_dir, act), as_json)


@key_app.command("rotate")
def key_rotate(key_id: KeyId, data_dir: DataDir = None) -> None:
    """Give a key a new secret and print it; the old one stops at once, its tasks stay."""
    from seedbed import accounts, audit_log

    async def act(conn: Connection) -> str:
        secret = await accounts.rotate_key(conn, key_id)
        await audit_log.note_key(conn, "key.rotated", key_id, by=None)
        return secret

    typer.echo(_in_database(data_dir, act))


@key_app.command("revoke")
def key_revoke(key_id: KeyId, data_dir: DataDir = None) -> None:
    """Refuse a key from now on."""
    from seedbed import accounts, audit_log

    async def act(conn: Connection) -> None:
        await accounts.revoke_key(conn, key_id)
        await audit_log.note_key(conn, "key.revoked", key_id, by=None)

    _in_database(data_dir, act)
    said.print(f"key {key_id} is revoked")


# Tasks -----------------------------------------------------------------------------------------------------------


@task_app.command("show")
def task_show(task_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Everything about a task: its request, history, files, and what was understood of its prompt."""
    from seedbed import views

    settings = load_settings(data_dir=data_dir)
    with _database(settings) as dsn:
        found = asyncio.run(_task(settings.model_copy(update={"database_url": dsn}), task_id))
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    plan = found.pop("prompt_plan")
    lines = {name: value if isinstance(value, list) else [value] for name, value in found.items()}
    lines["understood"] = views.understood(plan or {})
    rows = [(name, str(line)) for name, told in lines.items() for line in told if line is not None]
    for number, (name, line) in enumerate(rows):
        first = number == 0 or rows[number - 1][0] != name
        typer.echo(f"{name.replace('_', ' ') if first else '':<16}{line}")


async def _task(settings: Settings, task_id: str) -> dict[str, Any]:
    from seedbed import db, tasks, views
    from seedbed.runtime import open_runtime

    assert settings.database_url is not None
    await db.migrate(settings.database_url)
    async with (
        open_runtime(settings, pool_size=1, name="seedbed cli") as runtime,
        db.connection(runtime.pool) as conn,
    ):
        task = await tasks.get(conn, task_id)
        return views.task(task, await tasks.events(conn, task_id), runtime.storage)


# Webhooks --------------------------------------------------------------------------------------------------------


@webhook_app.command("list")
def webhook_list(
    task: Annotated[str | None, typer.Option(help="Only this task's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Deliveries, newest first, with what the last try brought."""
    from seedbed import webhooks

    async def act(conn: Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in await webhooks.list_deliveries(conn, task_id=task, limit=limit)]

    _show(_in_database(data_dir, act), as_json)


@webhook_app.command("redeliver")
def webhook_redeliver(delivery_id: str, data_dir: DataDir = None) -> None:
    """Send a delivery again, from the start of the schedule."""
    from seedbed import queue, webhooks

    async def act(conn: Connection) -> None:
        await webhooks.redeliver(conn, delivery_id)
        await queue.wake(conn)

    _in_database(data_dir, act)
    said.print(f"{delivery_id} is queued again")


@webhook_app.command("enable")
def webhook_enable(account: str, url: str, data_dir: DataDir = None) -> None:
    """Let an address that answered 410 Gone receive again."""
    from seedbed import accounts, webhooks

    async def act(conn: Connection) -> None:
        await webhooks.turn_on(conn, await accounts.find(conn, account), url)

    _in_database(data_dir, act)
    said.print(f"{url} receives again")


# A video from the command line -------------------------------------------------------------------------------------


Url = Annotated[str, typer.Option(envvar="SEEDBED_URL", help="Address of the service.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="SEEDBED_KEY", help="API key; one that begins with sk_live_ is of the Studio API."),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Where to save the video; <task id>.mp4.")]
LOCAL_URL = "http://127.0.0.1:8787"
STUDIO = "Studio API"


@app.command()
def generate(
    prompt: str,
    media: Annotated[
        list[str] | None,
        typer.Option(
            help="Picture, video or sound to work from: a file here, or a public https address. May be repeated: one "
            "or two pictures are the first and the last frame, anything else is a reference."
        ),
    ] = None,
    duration: Annotated[int | None, typer.Option(help="Seconds.")] = None,
    ratio: Annotated[str | None, typer.Option(help="Width to height, as 16:9.")] = None,
    resolution: Annotated[str | None, typer.Option(help="480p, 720p, 1080p …")] = None,
    output: Output = None,
    url: Url = LOCAL_URL,
    key: Key = None,
    model: Annotated[str | None, typer.Option(help="Which model.", rich_help_panel="Open API")] = None,
    tier: Annotated[str | None, typer.Option(help="mini, standard or pro.", rich_help_panel=STUDIO)] = None,
    channel: Annotated[str | None, typer.Option(help="standard, real or wild.", rich_help_panel=STUDIO)] = None,
    seed: Annotated[int | None, typer.Option(help="The same gives the same video.", rich_help_panel=STUDIO)] = None,
    fixed_lens: Annotated[
        bool, typer.Option("--fixed-lens", help="The camera stands still.", rich_help_panel=STUDIO)
    ] = False,
    silent: Annotated[bool, typer.Option("--silent", help="No sound.", rich_help_panel=STUDIO)] = False,
    last_frame: Annotated[
        Path | None, typer.Option(help="Where to save the last frame (PNG).", rich_help_panel=STUDIO)
    ] = None,
) -> None:
    """Make a video through a running service, save it and print its path.

    Ctrl-C cancels the task, or says how to get it later where its API cannot cancel.
    """
    from seedbed import studio

    wanted = studio.Wanted(
        media=tuple(media or ()),
        duration=duration,
        ratio=ratio,
        resolution=resolution,
        model=model,
        tier=tier,
        channel=channel,
        seed=seed,
        fixed_lens=fixed_lens,
        silent=silent,
        last_frame=last_frame,
    )
    typer.echo(studio.make(url, _given(key), prompt, wanted, output, said))


@app.command()
def fetch(task_id: str, output: Output = None, url: Url = LOCAL_URL, key: Key = None) -> None:
    """Wait for a video that was asked for before, save it and print its path."""
    from seedbed import studio

    typer.echo(studio.fetch(url, _given(key), task_id, output, said))


def _given(key: str | None) -> str:
    if not key:
        raise ConfigError("SEEDBED_KEY is not set; make a key with `seedbed key create`, or give --key")
    return key


@app.command()
def mcp(
    url: Url = LOCAL_URL,
    key: Annotated[str | None, typer.Option(envvar="SEEDBED_KEY", help="API key.")] = None,
) -> None:
    """Hand a running service's tools to an agent on this machine, over standard input and output."""
    from seedbed import bridge

    asyncio.run(bridge.serve(url, _given(key)))


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("seedbed-demo.mp4"),
    data_dir: DataDir = None,
) -> None:
    """Start everything, make the first video, show where it is."""
    from seedbed import studio

    settings = load_settings(data_dir=data_dir)
    typer.echo(studio.demo(settings, output, said))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
