"""Usage and credits in the console: balances, the ledger by pages and as a file, plots, the low-balance notice."""

from __future__ import annotations

import csv
import io
import re

import httpx2
import pytest

from seedbed import accounts, db, ledger, sweeps, tasks
from seedbed.console.usage import COLUMNS, harmless
from seedbed.errors import TaskFailure
from seedbed.runtime import open_runtime
from seedbed.settings import Settings, load
from tests.conftest import Person
from tests.console.people import Browser, heading
from tests.mailbox import mailbox
from tests.test_tasks import accept, output_of

pytestmark = pytest.mark.usefixtures("sound")


async def person_of(conn: db.Connection, email: str, credits: int = 0) -> Person:
    """Somebody who has signed up, with a key of theirs."""
    account_id = await accounts.find(conn, email)
    if credits:
        await ledger.grant(conn, account_id, credits, "=HYPERLINK(evil)")
    key_id, secret = await accounts.create_key(conn, account_id, "open", name="<my> app")
    return Person(account_id, key_id, secret)


async def made(conn: db.Connection, person: Person, how: str) -> str:
    """A task that has succeeded or failed."""
    async with conn.transaction():
        task = await accept(conn, person)
        await tasks.start(conn, task.id, attempts_max=3)
        if how == "succeeded":
            await tasks.succeed(conn, task.id, 1, output_of(task.id))
        elif how == "failed":
            await tasks.fail(conn, task.id, TaskFailure("render_failed", "no"))
    return task.id


async def test_an_empty_account_has_a_page(browser: Browser) -> None:
    await browser.sign_up("alice@example.org")
    page = await browser.see("/usage")
    assert "Nothing has been moved yet." in page
    assert "No video has been finished in these days." in page


async def test_what_was_spent_is_shown_by_day_model_and_key(browser: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    alice = await person_of(conn, "alice@example.org", 1000)
    for how in ("succeeded", "succeeded", "failed", "held"):
        await made(conn, alice, how)
    page = await browser.see("/usage?days=7")
    numbers = re.findall(r'<p class="number">([\d,]+)</p>', page)
    assert numbers == ["880", "40", "80"], "to spend, set aside, spent"
    assert page.count('<rect class="bar-of" x=') == 7
    assert re.search(r'<td>\w{3} \d+, \d{4}</td><td class="of-number">2</td><td class="of-number">80</td>', page)
    for name in ("seedance-2.0", "&lt;my&gt; app"):
        assert re.search(rf'<th scope="row"><bdi>{name}</bdi><svg', page), name
    kinds = re.findall(r"<td>(Granted|Set aside for a video|Taken for a finished video|Given back)", page)
    assert sorted(kinds) == sorted(
        ["Granted"] + ["Set aside for a video"] * 4 + ["Taken for a finished video"] * 2 + ["Given back"]
    )
    balances = re.findall(r'<td class="of-number">([\d,]+)</td>\s*</tr>\s*(?=<tr>\s*<td><time|</tbody>)', page)
    assert (balances[-1], balances[-2]) == ("1,000", "960")


async def test_the_ledger_is_turned_page_by_page(browser: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    account_id = await accounts.find(conn, "alice@example.org")
    for number in range(1, 121):
        await ledger.grant(conn, account_id, number, f"number {number}.")
    seen, path = [], "/usage"
    while path:
        page = await browser.see(path)
        seen += re.findall(r"number (\d+)\.", page)
        found = re.search(r'href="(/usage\?before=\d+)#ledger" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == [str(number) for number in range(120, 0, -1)]
    for bad in ("x", "-1", "1e3", "9" * 30):
        assert (await browser.http.get(f"/usage?before={bad}")).status_code == 400


async def test_the_whole_ledger_comes_as_a_file(browser: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    alice = await person_of(conn, "alice@example.org", 1000)
    for how in ("succeeded", "failed"):
        await made(conn, alice, how)
    answer = await browser.http.get("/usage/ledger.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="ledger.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["kind"], row["available_change"], row["available_after"]) for row in rows] == [
        ("grant", "1000", "1000"), ("hold", "-40", "960"), ("capture", "0", "960"), ("hold", "-40", "920"),
        ("release", "40", "960"),
    ]  # fmt: skip
    assert rows[0]["note"] == "'=HYPERLINK(evil)", "no formula"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "＝1"])
def test_no_cell_begins_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_nor_does_what_another_delimiter_would_cut_off() -> None:
    assert harmless("gift;=1, -2\t@3\n+4") == "gift;'=1,' -2\t'@3\n'+4"
    assert harmless("\t=1") == "'\t'=1"


@pytest.mark.parametrize("cell", ["", "a=1", "req_1", "a@example.org", "(-1)"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


async def test_a_low_balance_is_told_of(browser: Browser, conn: db.Connection, settings: Settings) -> None:
    await browser.sign_up("alice@example.org")
    assert "Your balance is low" not in await browser.see("/usage")
    saved = await browser.send("/usage", "/usage/notice", low="100")
    assert saved.headers["location"] == "/usage?done=notice"
    page = await browser.see("/usage?done=notice")
    assert "Your balance is low: 0 credits are left, fewer than 100." in page
    assert 'class="credits low"' in await browser.see("/keys"), "on every page"

    account_id = await accounts.find(conn, "alice@example.org")
    told = []
    for credits in (0, 0, 100, 0):
        if credits:
            await ledger.grant(conn, account_id, credits)
        elif told == [1, 0, 0]:
            await accounts.set_low_balance(conn, account_id, 101)
        told.append(len(await accounts.newly_low(conn)))
    assert told == [1, 0, 0, 1], "once, and again after it had risen or was asked for anew"

    await accounts.set_low_balance(conn, account_id, 500)
    async with mailbox() as box:
        mine = load(**settings.model_dump(exclude_unset=True) | {"smtp_url": box.url})
        async with open_runtime(mine, pool_size=2, name="test") as runtime:
            for _ in range(2):
                await sweeps.tell_low_balances(runtime)
        [mail] = box.mails
        assert mail["To"] == "alice@example.org"
        assert "100 credits are left of your account alice@example.org, fewer than the 500" in mail.get_content()

    for bad in ("0", "-1", "x", "1" * 19):
        answer = await browser.send("/usage", "/usage/notice", low=bad)
        assert (answer.status_code, "whole number" in heading(answer.text)) == (400, True)
    await browser.send("/usage", "/usage/notice", low="")
    assert await conn.fetchval("SELECT low_balance_credits FROM accounts WHERE id = $1", account_id) is None


async def test_one_sees_ones_own_ledger_alone(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    alice = await person_of(conn, "alice@example.org", 1000)
    task_id = await made(conn, alice, "succeeded")
    for path in ("/usage", "/usage?before=999999", "/usage/ledger.csv"):
        assert task_id in await browser.see(path)
        assert task_id not in await other.see(path)


async def test_strangers_are_sent_to_sign_in(api: httpx2.AsyncClient) -> None:
    for path in ("/usage", "/usage/ledger.csv", "/webhooks", "/webhooks/msg_1", "/team", "/admin", "/admin/accounts"):
        answer = await api.get(path)
        assert (answer.status_code, answer.headers["location"][:14]) == (303, "/sign-in?next="), path
