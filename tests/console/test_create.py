"""Create: from a prompt to a film that plays, and what cannot be bought."""

from __future__ import annotations

import asyncio
import html
import json
import re
from pathlib import Path

import httpx2
import pytest

from seedbed import db, ledger
from seedbed.console import create
from seedbed.settings import Settings
from tests.conftest import served
from tests.console.films import FORM, buy, ended, hidden, rich, said
from tests.console.people import Browser, heading
from tests.engines_for_tests import Broken, Clip
from tests.media_samples import quarters, written
from tests.workers import at_work


def png(width: int, height: int) -> bytes:
    return written(quarters(width, height), "PNG")


async def available(pool: db.Pool, account_id: int) -> int:
    async with db.connection(pool) as conn:
        return (await ledger.balance(conn, account_id)).available


async def test_a_stranger_sees_what_this_is(browser: Browser) -> None:
    page = await browser.see("/")
    for link in ("/sign-in", "/sign-up", "/docs/en/"):
        assert f'href="{link}"' in page
    assert 'id="maker"' not in page


async def test_a_prompt_becomes_a_film_that_plays(
    browser: Browser, pool: db.Pool, settings: Settings, tmp_path: Path, sound: None
) -> None:
    await rich(browser, pool)
    async with at_work(settings, tmp_path, Clip()):
        task_id = await buy(browser)
        page = await ended(browser, task_id)
    panel = await browser.see(f"/?task={task_id}")
    assert ">A river</textarea>" in panel, "the form has what was asked for"
    assert "984 credits" in panel
    video, poster = re.findall(r'<video class="film"[^>]* src="([^"]+)" poster="([^"]+)"', panel)[0]
    assert video.startswith("/files/"), "whichever name of the server the reader came by"
    film = await browser.http.get(video)
    assert (film.headers["content-type"], film.content[4:8]) == ("video/mp4", b"ftyp")
    assert (await browser.http.get(poster)).headers["content-type"] == "image/webp"
    last = re.findall(r'href="(/files/[^"]+_last_frame.png)"', panel)[0]
    assert (await browser.http.get(last)).content[:4] == b"\x89PNG"
    download = await browser.http.get(f"{video}?download=1")
    assert download.headers["content-disposition"].startswith("attachment")
    assert "Ready" in page


async def test_what_fails_says_so_and_is_refunded(
    browser: Browser, pool: db.Pool, settings: Settings, tmp_path: Path, sound: None
) -> None:
    account_id = await rich(browser, pool)
    async with at_work(settings, tmp_path, Broken()):
        page = await ended(browser, await buy(browser, prompt="refuse"))
    assert "The engine could not make this video<br><small><bdi>The engine cannot draw this</bdi></small>" in page
    assert "Its 16 credits are back in your balance." in page
    assert await available(pool, account_id) == 1000


async def test_the_longest_prompt_of_any_script_fits(browser: Browser, pool: db.Pool, sound: None) -> None:
    await rich(browser, pool)
    prompt = "𠀀" * 10_000
    task_id = await buy(browser, prompt=prompt)
    assert f">{prompt}</textarea>" in await browser.see(f"/?task={task_id}")


async def test_a_double_click_buys_once(browser: Browser, pool: db.Pool, sound: None) -> None:
    account_id = await rich(browser, pool)
    page = await browser.see("/")
    form = FORM | {"csrf": hidden(page, "csrf"), "token": hidden(page, "token")}
    answers = await asyncio.gather(*(browser.post("/", **form) for _ in range(5)))
    assert {answer.headers.get("location") for answer in answers} == {answers[0].headers["location"]}
    assert await available(pool, account_id) == 984
    changed = await browser.post("/", **form | {"prompt": "Another river"})
    assert changed.headers["location"] != answers[0].headers["location"], "another form is another purchase"
    assert await available(pool, account_id) == 968


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"prompt": "  \n "}, "prompt"),
    ({"prompt": "a" * 10_001}, "10000"),
    ({"model": "sora-9"}, "Choose a model"),
    ({"ratio": "21:9"}, "16:9, 9:16, 1:1"),
    ({"duration": "3"}, "4, 5, 6"),
    ({"duration": ""}, "4, 5, 6"),
    ({"resolution": "4k"}, "480p, 720p, 1080p"),
    ({"seed": "4294967296"}, "4294967295"),
    ({"seed": "00000000019999999999"}, "4294967295"),
    ({"seed": "１２"}, "seed"),
    ({"media0": "http://example.org/a.png", "role0": "first_frame"}, "https"),
    ({"media0": "https://10.0.0.1/a.png", "role0": "first_frame"}, "private"),
    ({"media0": "https://example.org/a.exe", "role0": "reference"}, ".jpg"),
    ({"media0": "https://example.org/a.mp4", "role0": "first_frame"}, ".jpg"),
    ({"media0": "https://example.org/a.png", "role0": "hero"}, "what medium 1 is for"),
    ({"media0": "https://example.org/a.png", "role0": "last_frame"}, "needs a first frame"),
    (
        {
            "media0": "https://e.org/a.png",
            "role0": "first_frame",
            "media1": "https://e.org/b.png",
            "role1": "first_frame",
        },
        "one first frame",
    ),
    (
        {"model": "seedance-1.5-pro", "duration": "5", "media0": "https://e.org/a.png", "role0": "reference"},
        "no references",
    ),
]
"""What is wrong with a form, and what its notice must say."""


async def test_a_form_that_cannot_be_says_why_and_keeps_what_was_typed(
    browser: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "SUBMISSIONS_PER_MINUTE", 1000)
    account_id = await rich(browser, pool)
    for fields, says in REFUSED:
        answer = await browser.send("/", "/", **({**FORM, "prompt": "typed <b>words</b>", "seed": "77"} | fields))
        assert answer.status_code == 400, fields
        assert says in html.unescape(said(answer.text)), fields
        if "prompt" not in fields:
            assert "typed &lt;b&gt;words&lt;/b&gt;</textarea>" in answer.text
        if "seed" not in fields:
            assert 'value="77"' in answer.text
        if "media0" in fields:
            assert f'value="{fields["media0"]}"' in answer.text
    assert await available(pool, account_id) == 1000


async def test_nobody_buys_for_more_than_they_have(browser: Browser, pool: db.Pool) -> None:
    await rich(browser, pool, credits=15)
    answer = await browser.send("/", "/", **FORM)
    assert (answer.status_code, said(answer.text)) == (402, "This request needs 16 credits and 15 are available")
    assert ">A river</textarea>" in answer.text


async def test_one_asks_no_more_than_so_often(browser: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create, "SUBMISSIONS_PER_MINUTE", 2)
    await rich(browser, pool)
    answers = [await browser.send("/", "/", **FORM) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert ">A river</textarea>" in answers[2].text


async def test_every_model_of_the_catalogue_is_sold(browser: Browser, pool: db.Pool, sound: None) -> None:
    await rich(browser, pool, credits=100_000)
    page = await browser.see("/")
    abilities = json.loads(html.unescape(re.findall(r'data-abilities="([^"]+)"', page)[0]))
    assert len(abilities) >= 6
    for model, can in abilities.items():
        await buy(browser, model=model, ratio=can["ratios"][-1], duration=can["durations"][0],
                  resolution=can["resolutions"]["text_to_video"][-1])  # fmt: skip


async def test_the_price_is_the_catalogues(browser: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)

    async def asked(**query: str) -> tuple[int, dict[str, object]]:
        answer = await browser.http.get("/price", params=query)
        return answer.status_code, answer.json()

    text = {"model": "seedance-2.0", "resolution": "720p", "duration": "5"}
    assert await asked(**text) == (200, {"credits": 40, "text": "40 credits"})
    assert await asked(**text, media="1") == (200, {"credits": 64, "text": "64 credits"})
    status, told = await asked(**text | {"resolution": "4k"})
    assert (status, "480p" in str(told["message"])) == (400, True)


async def test_again_is_the_same_but_for_the_seed(browser: Browser, pool: db.Pool, sound: None) -> None:
    await rich(browser, pool)
    task_id = await buy(browser, seed="7", prompt="A river\r\nand a bridge", fixed_lens="on", audio="")
    page = await browser.send(f"/tasks/{task_id}", f"/tasks/{task_id}/cancel")
    assert page.headers["location"] == f"/tasks/{task_id}?done=cancelled"
    answer = await browser.send(f"/tasks/{task_id}", f"/tasks/{task_id}/again")
    other = answer.headers["location"].removeprefix("/?task=")
    async with db.connection(pool) as conn:
        rows = await conn.fetch(
            "SELECT prompt, model, aspect_ratio, resolution, duration_s, fixed_lens, audio FROM tasks"
        )
        seeds = await conn.fetch("SELECT id, seed FROM tasks ORDER BY seq")
    assert len(rows) == 2
    assert rows[0] == rows[1]
    assert rows[0]["prompt"] == "A river\nand a bridge"
    assert [row["id"] for row in seeds] == [task_id, other]
    assert seeds[0]["seed"] == 7 != seeds[1]["seed"]
    changed = await browser.see(f"/?from={task_id}")
    assert 'name="seed" inputmode="numeric" pattern="-1|[0-9]{1,10}" maxlength="10" value="7"' in changed
    assert re.search(r'name="fixed_lens" checked', changed)
    assert not re.search(r'name="audio" checked', changed)


# Files


async def test_a_file_is_sent_and_used(
    browser: Browser, pool: db.Pool, settings: Settings, tmp_path: Path, sound: None
) -> None:
    await rich(browser, pool)
    page = await browser.see("/")
    where = html.unescape(re.findall(r'data-uploads="([^"]+)"', page)[0])
    sent = await browser.http.post(
        where, content=png(640, 360), headers={"Content-Type": "image/png", "Origin": browser.origin}
    )
    told = sent.json()
    assert (sent.status_code, told["kind"]) == (200, "image")
    assert (await browser.http.get(told["local"])).headers["content-type"] == "image/png"
    async with at_work(settings, tmp_path, Clip()):
        done = await ended(browser, await buy(browser, media0=told["url"], role0="first_frame"))
    assert f'<img src="{told["local"]}"' in done
    assert "26 credits" in done
    form = {"file": ("a.png", png(64, 64), "image/png")}
    by_form = await browser.http.post(f"{where}&page", files=form, headers={"Origin": browser.origin})
    assert by_form.status_code == 303
    again = await browser.see(by_form.headers["location"])
    assert re.search(r'name="media0" value="http[^"]+/files/', again)


async def test_what_is_sent_is_looked_at(browser: Browser, other: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)
    where = html.unescape(re.findall(r'data-uploads="([^"]+)"', await browser.see("/"))[0])
    headers = {"Content-Type": "image/png", "Origin": browser.origin, "Accept": "application/json"}
    bad = await browser.http.post(where, content=b"this is no picture", headers=headers)
    assert (bad.status_code, "The file" in bad.json()["message"]) == (400, True)
    empty = await browser.http.post(where, content=b"", headers=headers)
    assert empty.status_code == 400
    assert (await browser.http.post("/uploads?csrf=x", content=png(64, 64), headers=headers)).status_code == 400
    evil = headers | {"Origin": "https://evil.example"}
    assert (await browser.http.post(where, content=png(64, 64), headers=evil)).status_code == 400
    assert (await other.http.post(where, content=png(64, 64), headers=headers)).status_code == 401
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 0


# Strangers


async def test_pages_of_members_are_for_members(browser: Browser) -> None:
    for path in ("/library", "/tasks/req_x", "/tasks/req_x/events", "/price"):
        answer = await browser.http.get(path)
        assert (answer.status_code, answer.headers["location"].partition("=")[0]) == (303, "/sign-in?next")
    assert (await browser.post("/", **FORM)).headers["location"] == "/sign-in?next=%2F"


async def test_a_prompt_from_an_address_stays_words(browser: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)
    evil = "</textarea><script>alert(1)</script>"
    answer = await browser.http.get("/", params={"prompt": evil, "model": '"><b>', "medium": 'https://x/"><img>'})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<img>" not in answer.text
    assert (await browser.http.get("/", params={"task": "req_unknown"})).status_code == 404
    assert heading((await browser.http.get("/", params={"from": "\x00"})).text) == "Not Found"


async def test_films_of_a_bucket_may_play(settings: Settings) -> None:
    stored = {
        "storage_url": "s3://films?endpoint=https://s3.example.com",
        "storage_public_url": "https://cdn.example.com/x",
    }
    async with served(settings.model_copy(update=stored)) as url, httpx2.AsyncClient(base_url=url) as http:
        policy = (await http.get("/")).headers["content-security-policy"]
    assert "media-src 'self' blob: https://cdn.example.com https://s3.example.com;" in policy
    assert "script-src 'self';" in policy
