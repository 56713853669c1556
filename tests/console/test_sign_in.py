"""Coming in, going out, and those who should not."""

from __future__ import annotations

import httpx2
import pytest

from seedbed import db, signin
from seedbed.console import sign_in
from seedbed.console._door import FORM_BYTES_MAX, own_path
from tests.console.people import PASSWORD, Browser, heading


async def test_sign_up_sign_out_and_in_again(browser: Browser) -> None:
    await browser.sign_up("Alice@Example.org")
    assert "alice@example.org" in await browser.see("/account")
    gone = await browser.send("/account", "/sign-out")
    assert gone.headers["location"] == "/sign-in"
    assert (await browser.http.get("/account")).headers["location"] == "/sign-in?next=%2Faccount"
    back = await browser.send("/sign-in?next=%2Fkeys%3Fa%3Db", "/sign-in", email="alice@example.org", password=PASSWORD)
    assert back.headers["location"] == "/keys?a=b"
    assert "API keys" in await browser.see("/keys")


async def test_a_wrong_password_and_no_account_are_one_answer(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    wrong = await other.send("/sign-in", "/sign-in", email="alice@example.org", password="wrong horse")
    nobody = await other.send("/sign-in", "/sign-in", email="nobody@example.org", password="wrong horse")
    assert (wrong.status_code, nobody.status_code) == (400, 400)
    assert heading(wrong.text) == heading(nobody.text)
    assert "session" not in other.http.cookies


async def test_guessing_is_slowed_down(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    answers = [
        await other.post("/sign-in", email="alice@example.org", password=f"guess {number}")
        for number in range(signin.TRIES_PER_MINUTE + 1)
    ]
    assert [answer.status_code for answer in answers][-1] == 429
    right = await other.post("/sign-in", email="alice@example.org", password=PASSWORD)
    assert right.status_code == 429, "not even the right one, for a minute"
    assert (await browser.http.get("/account")).status_code == 200, "who is in stays in"


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("alice", PASSWORD, "email"),
        ("carol@example.org", "short", "10"),
        ("carol.smith@example.org", "Carol.Smith", "guessed"),
        ("alice@example.org", PASSWORD, "already"),
    ],
)
async def test_a_sign_up_that_cannot_be_says_why(
    browser: Browser, other: Browser, email: str, password: str, says: str
) -> None:
    await browser.sign_up("alice@example.org")
    answer = await other.send("/sign-up", "/sign-up", email=email, password=password)
    assert answer.status_code == 400
    assert says in heading(answer.text)
    assert password not in answer.text.replace(email, "")


async def test_a_forgotten_password_tells_nobody_who_has_an_account(
    browser: Browser, other: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    await browser.sign_up("alice@example.org")
    known = await other.send("/forgot", "/forgot", email="alice@example.org")
    unknown = await other.send("/forgot", "/forgot", email="bob@example.org")
    assert (known.status_code, known.text) == (200, unknown.text)


async def test_a_link_sets_the_password_once(browser: Browser, other: Browser, pool: db.Pool) -> None:
    await browser.sign_up("alice@example.org")
    async with db.transaction(pool) as conn:
        account_id, _ = await signin.kept_password(conn, "alice@example.org")
        token = await signin.make_link(conn, "reset", account_id=account_id)
    bad = await other.send(f"/link/{token}", "", password="short")
    assert (bad.status_code, "10" in heading(bad.text)) == (400, True)
    done = await other.send(f"/link/{token}", "", password="quite another one")
    assert done.headers["location"] == "/"
    assert "alice@example.org" in await other.see("/account")
    assert (await browser.http.get("/account")).status_code == 303, "sessions of before have ended"
    assert (await other.http.get(f"/link/{token}")).status_code == 404


async def test_a_session_of_before_signing_in_is_not_kept(browser: Browser) -> None:
    form = {"email": "alice@example.org", "password": PASSWORD}
    headers = {"Origin": browser.origin, "Cookie": "session=chosen-by-a-stranger"}
    entered = await browser.http.post("/sign-up", data=form, headers=headers)
    assert entered.status_code == 303
    assert browser.http.cookies["session"] != "chosen-by-a-stranger"
    cookie = (await browser.send("/account", "/sign-out")).headers["set-cookie"]
    assert "Max-Age=0" in cookie
    assert "HttpOnly" in cookie


async def test_another_session_can_be_ended(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    await other.post("/sign-in", email="alice@example.org", password=PASSWORD)
    page = await other.see("/account")
    assert page.count('action="/account/sessions/end"') == 2
    answer = await other.send("/account", "/account/sessions/end")  # the last of the list: the older one
    assert answer.headers["location"] == "/account?done=session-ended"
    assert (await browser.http.get("/account")).status_code == 303
    assert (await other.http.get("/account")).status_code == 200


async def test_the_password_is_changed_for_the_old_one(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    await other.post("/sign-in", email="alice@example.org", password=PASSWORD)
    wrong = await browser.send("/account", "/account/password", old="not it at all", password="quite another one")
    assert (wrong.status_code, heading(wrong.text)) == (400, "Your account | The old password is another one")
    right = await browser.send("/account", "/account/password", old=PASSWORD, password="quite another one")
    assert right.headers["location"] == "/account?done=password-changed"
    assert (await browser.http.get("/account")).status_code == 200
    assert (await other.http.get("/account")).status_code == 303


# Attacks


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1.evil.example"},
    ],
)  # fmt: skip
async def test_forms_of_other_sites_do_nothing(browser: Browser, headers: dict[str, str]) -> None:
    await browser.sign_up("alice@example.org")
    for path in ("/keys", "/sign-out", "/account/password", "/sign-in"):
        answer = await browser.http.post(path, data={"name": "x", "api": "open"}, headers=headers)
        assert answer.status_code == 400, path
    assert "No keys yet" in await browser.see("/keys")


async def test_a_form_without_its_token_does_nothing(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    page = await other.see("/keys")
    strange = page.partition('name="csrf" value="')[2].partition('"')[0]
    for token in ("", "x", strange):
        assert (await browser.post("/keys", api="open", csrf=token)).status_code == 400
    assert "No keys yet" in await browser.see("/keys")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        None,
        "/a\nb",
        "/\t/evil.example",
    ],
)
def test_one_is_sent_on_within_this_server_alone(path: str | None) -> None:
    assert own_path(path) == "/"
    assert own_path("/keys?x=//y") == "/keys?x=//y"


async def test_forms_have_limits(browser: Browser) -> None:
    large = await browser.post("/sign-in", email="a" * FORM_BYTES_MAX, password="x")
    assert large.status_code == 413
    for body in (b"email=%ff%fe", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(300)), b"email=a%00b"):
        answer = await browser.http.post(
            "/sign-in", content=body,
            headers={"Origin": browser.origin, "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        assert answer.status_code == 400
    json = await browser.http.post("/sign-in", json={"email": "a"}, headers={"Origin": browser.origin})
    assert json.status_code == 400


async def test_pages_cannot_be_framed_or_scripted(api: httpx2.AsyncClient) -> None:
    for path in ("/sign-in", "/sign-up", "/link/unknown"):
        answer = await api.get(path)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("agent", "seen"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0"
            " Safari/537.36 Edg/143.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Mobile"
            " Safari/537.36",
            "Chrome, Android",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)
def test_browsers_have_names(agent: str, seen: str) -> None:
    assert sign_in.browser(agent) == seen


async def test_sessions_are_told_apart_by_their_browsers(browser: Browser) -> None:
    browser.http.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    await browser.sign_up("alice@example.org")
    assert ">Firefox, Linux</bdi>" in await browser.see("/account")
