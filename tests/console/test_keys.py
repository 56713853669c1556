"""API keys in the console."""

from __future__ import annotations

import re

import httpx2
import pytest

from seedbed import accounts, db
from tests.console.people import Browser, Fields, heading


def secret_of(page: str) -> str:
    found = re.search(r'<code id="secret">([^<]+)</code>', page)
    assert found
    return found[1]


async def test_a_key_is_made_shown_once_rotated_and_revoked(browser: Browser, api: httpx2.AsyncClient) -> None:
    async def works(secret: str) -> bool:
        answer = await api.get("/api/open/v1/balance", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code in (200, 401)
        return answer.status_code == 200

    await browser.sign_up("alice@example.org")
    made = await browser.send("/keys", "/keys", name="<b>my  app</b>", api="open", monthly="7")
    first = secret_of(made.text)
    assert accounts.well_formed(first)
    assert await works(first)
    page = await browser.see("/keys")
    assert first not in page
    assert "&lt;b&gt;my app&lt;/b&gt;" in page
    assert "7 tasks a month" in page

    rotate = next(re.finditer(r'action="(/keys/\d+/rotate)"', page))[1]
    second = secret_of((await browser.send("/keys", rotate)).text)
    assert (await works(first), await works(second)) == (False, True)
    revoked = await browser.send("/keys", rotate.replace("rotate", "revoke"))
    assert revoked.headers["location"] == "/keys?done=revoked"
    assert not await works(second)
    token = (await browser.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]
    assert (await browser.post(rotate, csrf=token)).status_code == 404, "what is revoked stays revoked"


async def test_a_key_is_changed_and_keeps_its_secrets(browser: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    hook = {"webhook_url": "https://example.org/hook", "webhook_secret": "whsec_one"}
    made = await browser.send("/keys", "/keys", name="app", api="studio", per_minute="20", **hook)
    page = next(re.finditer(r'href="(/keys/\d+)"', made.text))[1]
    form = Fields(await browser.see(page)).forms[""]
    assert (form["name"], form["per_minute"], form["monthly"], form["webhook_secret"]) == ("app", "20", "", "")
    bad = await browser.send(page, "", per_minute="no")
    assert bad.status_code == 400
    assert "per_minute" in bad.text
    changed = await browser.send(page, "", name="new app", per_minute="", monthly="9", webhook_url="")
    assert changed.headers["location"] == "/keys?done=changed"
    row = await conn.fetchrow("SELECT name, per_minute, monthly, webhook_url, webhook_secret FROM api_keys")
    assert tuple(row or ()) == ("new app", None, 9, None, "whsec_one")
    again = await browser.send(page, "", webhook_secret="whsec_two")
    assert again.status_code == 303
    assert await conn.fetchval("SELECT webhook_secret FROM api_keys") == "whsec_two"
    hint, secret = re.findall(r"<code>([^<]+)</code>", await browser.see(page))[0], secret_of(made.text)
    assert secret.startswith(hint.partition("…")[0])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"api": "both"}, "Choose an API"),
        ({"per_minute": "0"}, "per_minute"),
        ({"per_minute": "many"}, "per_minute"),
        ({"monthly": "-1"}, "monthly"),
        ({"webhook_url": "http://example.org/hook"}, "https"),
        ({"webhook_url": "https://127.0.0.1/hook"}, "private"),
    ],
)
async def test_a_bad_form_says_what_to_change_and_keeps_what_was_typed(
    browser: Browser, fields: dict[str, str], says: str
) -> None:
    await browser.sign_up("alice@example.org")
    answer = await browser.send("/keys", "/keys", **({"name": "typed", "api": "studio"} | fields))
    assert answer.status_code == 400
    assert says in heading(answer.text)
    assert 'value="typed"' in answer.text
    assert "No keys yet" in answer.text


async def test_anothers_key_is_not_there(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    await browser.send("/keys", "/keys", name="hers", api="open")
    action = re.search(r'action="(/keys/\d+/revoke)"', await browser.see("/keys"))
    assert action
    await other.sign_up("bob@example.org")
    token = (await other.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]
    for path in (action[1], action[1].replace("revoke", "rotate"), "/keys/999999999/revoke"):
        answer = await other.post(path, csrf=token)
        assert (answer.status_code, heading(answer.text)) == (404, "Not Found")
    hers = action[1].replace("/revoke", "")
    assert (await other.http.get(hers)).text == (await other.http.get("/keys/999999999")).text
    assert (await other.post(hers, csrf=token, name="his")).status_code == 404
    assert "hers" not in await other.see("/keys")
    assert action[1] in await browser.see("/keys")
