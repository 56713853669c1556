"""The console in six languages: which one a reader gets, and that no page says anything in another."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser

import httpx2
import pytest

from seedbed import accounts, db, ledger, sweeps, tasks, webhooks
from seedbed.errors import TaskFailure
from seedbed.runtime import open_runtime
from seedbed.settings import Settings, load
from seedbed.web import LANGUAGES
from seedbed.web.languages import accepted
from seedbed.webhooks import Outcome
from tests.conftest import Person
from tests.console.people import PASSWORD, Browser
from tests.mailbox import mailbox
from tests.stripe_stand import Stand, deliver, selling, standing
from tests.test_tasks import accept, output_of
from tests.test_translations import OTHERS, catalogue, parts

EMAIL = "alice@example.org"
SPOKEN = ("aria-label", "title", "placeholder", "alt", "label")
SCRIPTED = ("data-ask", "data-done", "data-failed", "data-none", "data-first", "data-both", "data-reference",
            "data-away-text", "data-full-text", "data-hint")  # fmt: skip
CODE = {"code", "pre", "script", "style", "textarea", "title"}
ALLOWED = re.compile(
    r"\S+@\S+|https?\S*|[\w.-]*\d[\w.:-]*|seedance\S*|seedbed\S*|video-generation|previz|worker|webhook\w*|secret"
    r"|text_to_video|image_to_video|openai|studio|open|ark|mcp|lite|pro|fast|none"
)
"""Names, addresses and ids, which are the same in every language."""


class Visible(HTMLParser):
    """What of a page is read or heard, without code and without what says that it is in another language."""

    def __init__(self, page: str, language: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._language, self._open = language, list[tuple[str, bool]]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        hidden = tag in CODE or given.get("lang", self._language) != self._language
        if tag not in ("meta", "link", "input", "img", "br", "path", "rect", "circle"):
            self._open.append((tag, hidden))
        if not hidden and not self._hidden:
            self.said += [given[name] for name in (*SPOKEN, *SCRIPTED) if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.said.append(" ".join(data.split()))

    @property
    def _hidden(self) -> bool:
        return any(hidden for _, hidden in self._open)


def english(language: str) -> Iterator[re.Pattern[str]]:
    """The phrases that are other in `language`."""
    for message in catalogue(language):
        for phrase, told in zip(parts(message.id), parts(message.string), strict=False):
            letters = re.sub(r"\{\w+\}|\W", "", phrase)
            if phrase != told and message.context != "offer" and letters:
                yield re.compile(
                    r"\S+?".join(re.escape(part) for part in re.split(r"\{\w+\}", " ".join(phrase.split())))
                )


def left(page: str, language: str, phrases: list[re.Pattern[str]]) -> list[str]:
    """What a page says in English."""
    assert f'<html lang="{language}"' in page
    found = []
    for said in Visible(page, language).said:
        known = not ALLOWED.fullmatch(said) and any(phrase.fullmatch(said) for phrase in phrases)
        run = language not in ("tr", "pl") and re.search(r"\b[a-z]{3,} [a-z]{2,}\b", ALLOWED.sub("", said))
        if known or run:
            found.append(said)
    return found


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        yield stand


@pytest.fixture
def settings(settings: Settings, stand: Stand) -> Settings:
    return selling(settings, stand)


async def filled(conn: db.Connection, account_id: int) -> list[str]:
    """Tasks in every state, deliveries, ledger lines of several kinds, a team. Gives the pages that show them."""
    await accounts.set_admin(conn, account_id, admin=True)
    await accounts.set_low_balance(conn, account_id, 1_000_000)
    await ledger.grant(conn, account_id, 900, "sign-up")
    bob = await accounts.create(conn, "bob@example.org")
    key_id, secret = await accounts.create_key(conn, account_id, "open", name="K1", monthly=100, webhook_secret="s")
    await accounts.create_key(conn, account_id, "studio", name="K2")
    old, _ = await accounts.create_key(conn, account_id, "open", name="K3")
    await accounts.revoke_key(conn, old)
    person, pages = Person(account_id, key_id, secret), []
    for failure in (None, "'medium 1' is damaged, or only a part of a file", "The engine failed unexpectedly"):
        async with conn.transaction():
            task = await accept(conn, person, prompt="X1")
            await tasks.start(conn, task.id, attempts_max=3)
            if failure is None:
                await tasks.succeed(conn, task.id, 1, output_of(task.id))
            else:
                await tasks.fail(conn, task.id, TaskFailure("invalid_media", failure))
        sent = await webhooks.open_delivery(conn, task.id, task.status, "https://example.org/hook", b"{}")
        await webhooks.record(conn, sent, Outcome(duration_s=0.1, status=410 if failure else 200))
        pages.append(f"/tasks/{task.id}")
    task = await accept(conn, person, prompt="X2")
    waiting = await accept(conn, person, prompt="X3")
    await tasks.cancel(conn, task)
    pages += [f"/tasks/{task.id}", f"/tasks/{waiting.id}", f"/?task={waiting.id}"]
    for outcome in (Outcome(duration_s=0.5, error="example.org took too long"), Outcome(duration_s=1, status=500)):
        delivery_id = await webhooks.open_test(conn, account_id, key_id, "https://example.org/hook")
        await webhooks.record(conn, await webhooks.get_test(conn, delivery_id), outcome)
        pages.append(f"/webhooks/{delivery_id}")
    return [*pages, f"/admin/accounts/{bob}", f"/admin/accounts/{account_id}"]


PAGES = (
    "/", "/?done=x", "/library", "/library?done=removed", "/library?text=nothing", "/library?since=then", "/usage",
    "/usage?done=notice", "/usage?days=7", "/keys", "/keys?done=revoked", "/webhooks", "/webhooks?done=on", "/team",
    *(f"/team?done={word}" for word in ("invited", "revoked", "given", "taken", "role", "removed", "joined")),
    "/pricing", "/pricing?done=ending", "/pricing?done=going-on", "/account", "/account?done=session-ended", "/admin",
    "/admin/accounts", "/admin/accounts?q=nobody", "/admin/catalogue", "/admin/checkup", "/tasks/none", "/nothing",
)  # fmt: skip
STRANGERS = ("/", "/sign-in", "/sign-up", "/forgot", "/pricing", "/link/none")


async def wrongs(browser: Browser) -> list[str]:
    """Pages that say what is wrong."""
    sent = [
        await browser.send("/keys", "/keys", api="none"),
        await browser.send("/keys", "/keys", api="open", webhook_url="http://10.0.0.1/x"),
        await browser.send("/", "/", prompt="", model="seedance-2.0"),
        await browser.send("/", "/", prompt="X", model="seedance-2.0", ratio="7:5", resolution="480p", duration="4"),
        await browser.send("/", "/", prompt="X", seed="-7", ratio="16:9", resolution="480p", duration="4"),
        await browser.send("/team", "/team/invitations", email="carol@example.org"),
        await browser.send("/team", "/team/invitations", email=EMAIL),
        await browser.send("/team", "/team/invitations", email="nobody"),
        await browser.send("/usage", "/usage/notice", low="many"),
        await browser.send("/account", "/account/password", old="wrong", password="short"),
        await browser.send("/webhooks", "/webhooks/test", url="ftp://x", key="1"),
    ]
    assert {answer.status_code for answer in sent} <= {200, 303, 400, 429}
    return [answer.text for answer in sent if answer.status_code != 303]


async def test_no_page_says_anything_in_english_to_others(
    browser: Browser, other: Browser, stand: Stand, api: httpx2.AsyncClient, conn: db.Connection
) -> None:
    await browser.sign_up(EMAIL)
    pages = await filled(conn, await accounts.find(conn, EMAIL))
    for item in ("starter", "creator"):
        await browser.send("/pricing", "/pricing/buy", item=item)
    for event in (stand.pay(),) if stand.last["mode"] == "payment" else stand.subscribe():
        await deliver(api, event)
    wrong: dict[str, list[str]] = {}
    for language in OTHERS:
        phrases = list(english(language))
        for each in (browser, other):
            await each.http.get("/", params={"language": language})
        seen = {path: (await browser.http.get(path)).text for path in (*PAGES, *pages)}
        seen |= {f"stranger {path}": (await other.http.get(path)).text for path in STRANGERS}
        seen |= {f"wrong {number}": text for number, text in enumerate(await wrongs(browser))}
        for path, text in seen.items():
            if "<html" in text and (found := left(text, language, phrases)):
                wrong[f"{language} {path}"] = found
    assert wrong == {}


# Which language -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("pl", "pl"), ("pl-PL,pl;q=0.9,en;q=0.8", "pl"), ("en;q=0.3, tr;q=0.8", "tr"),
        ("de, ru;q=0.1", "ru"), ("de", "en"), ("*", "en"), ("ru;q=0, pl;q=0.1", "pl"), ("zh-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh", "zh-Hans"), ("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant"), ("zh-MO", "zh-Hant"), ("zh-Hant-CN", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"), ("TR-tr;Q=0.5", "tr"), ("ru;q=x, tr", "tr"), (";;,,=", "en"),
    ],
)  # fmt: skip
def test_a_browsers_wishes_are_heard(header: str, language: str) -> None:
    assert accepted(header) == language


async def test_a_language_that_is_chosen_stays(browser: Browser, other: Browser, conn: db.Connection) -> None:
    first = await browser.http.get("/pricing", headers={"Accept-Language": "tr"})
    assert '<html lang="tr"' in first.text
    assert {"Accept-Language", "Cookie"} <= set(first.headers["vary"].split(", "))
    assert first.headers["content-language"] == "tr"
    chosen = await browser.http.get("/library?state=failed&language=pl")
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/library?state=failed"), "without a script, too"
    assert "language=pl" in chosen.headers["set-cookie"]
    assert '<html lang="pl"' in (await browser.http.get("/sign-in", headers={"Accept-Language": "tr"})).text
    await browser.sign_up(EMAIL)
    account_id = await accounts.find(conn, EMAIL)
    assert await accounts.language(conn, account_id) == "pl"
    assert 'href="?state=failed&amp;language=ru"' in await browser.see("/library?state=failed")

    await other.send("/sign-in", "/sign-in", email=EMAIL, password=PASSWORD)
    assert other.http.cookies["language"] == "pl", "the account brings its language to another browser"
    assert '<html lang="pl"' in await other.see("/keys")
    await other.http.get("/keys?language=zh-Hant")
    assert '<html lang="zh-Hant"' in await other.see("/keys")
    assert await accounts.language(conn, account_id) == "zh-Hant"
    assert (await other.http.get("/keys?language=tlh")).status_code == 200, "what there is not changes nothing"


async def test_no_switch_leads_elsewhere(browser: Browser) -> None:
    answer = await browser.http.get("//evil.example/?language=pl")
    assert not answer.headers.get("location", "/").startswith(("//", "http"))


async def test_mails_are_in_the_accounts_language(
    settings: Settings, browser: Browser, conn: db.Connection, pool: db.Pool
) -> None:
    await browser.http.get("/?language=ru")
    await browser.sign_up(EMAIL)
    account_id = await accounts.find(conn, EMAIL)
    await accounts.set_low_balance(conn, account_id, 50)
    async with mailbox() as box:
        mine = load(**dict(settings) | {"smtp_url": box.url})
        async with open_runtime(mine, pool_size=2, name="test") as runtime:
            await sweeps.tell_low_balances(runtime)
    [mail] = box.mails
    assert mail["Subject"] == "Ваши кредиты в Seedbed заканчиваются"
    assert mail["Content-Language"] == "ru"
    assert "осталось 0 кредитов — меньше порога 50" in mail.get_content()


def test_all_six_are_here() -> None:
    assert list(LANGUAGES) == ["en", *OTHERS]
