"""Making films by hand: from words and from pictures, watched until they play, called off, and said as code."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.house import House
from tests.browser.watched import Browsers
from tests.media_samples import quarters, written

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAKING_MS = 90_000
"""How long a short film may take on a machine with much else to do."""

NOTE_STATES = """
new MutationObserver(() => {
  const state = document.querySelector("#result [data-state]")?.className.split(" ").at(-1);
  const told = JSON.parse(sessionStorage.states ?? "[]");
  if (state && told.at(-1) !== state) sessionStorage.states = JSON.stringify([...told, state]);
}).observe(document, { childList: true, subtree: true, attributes: true });
"""
TAKE_FILE = """([text, name, way]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  const place = document.querySelector("#prompt");
  const options = { bubbles: true, cancelable: true };
  place.dispatchEvent(way === "paste" ? new ClipboardEvent("paste", { ...options, clipboardData: carried })
    : new DragEvent("drop", { ...options, dataTransfer: carried }));
}"""


def picture() -> bytes:
    return written(quarters(854, 480), "PNG")


async def short(page: Page, prompt: str) -> None:
    """Fill the form in for the quickest film there is."""
    await page.get_by_label("Prompt", exact=True).fill(prompt)
    await page.get_by_text("480p", exact=True).click()
    await page.get_by_label("Length").select_option("4")


async def plays(film: Locator) -> None:
    """The film has a picture, and it moves."""
    await expect(film).to_be_visible(timeout=MAKING_MS)
    size = await film.evaluate(
        """(film) => new Promise((resolve, reject) => {
          const told = () => film.readyState >= 2 && film.currentTime > 0.2 && !film.paused
            && resolve([film.videoWidth, film.videoHeight]);
          film.addEventListener("timeupdate", told);
          film.addEventListener("error", () => reject(new Error(film.error.message)));
          told();
        })"""
    )
    assert size == [854, 480]


async def test_films_from_words_and_from_a_picture_play_and_one_is_called_off(house: House, browsers: Browsers) -> None:
    browser = await browsers.of(await house.person("maker", credits=1000))
    await browser.context.add_init_script(NOTE_STATES)

    words = await browser.page("/")
    await short(words, "A river in an autumn forest, aerial view")
    await expect(words.locator("[data-price]")).to_have_text("16 credits")
    await words.get_by_role("button", name="Make the video").click()
    await expect(words).to_have_url(re.compile(r"\?task="))

    drawn = await browser.page("/")
    await drawn.evaluate(TAKE_FILE, [base64.b64encode(picture()).decode(), "first.png", "drop"])
    await expect(drawn.get_by_text("Begins with your picture")).to_be_visible()
    await drawn.evaluate(TAKE_FILE, [base64.b64encode(picture()).decode(), "last.png", "paste"])
    await expect(drawn.get_by_text("From the first picture to the last")).to_be_visible()
    await drawn.locator("[data-files]").set_input_files({"name": "p.png", "mimeType": "image/png", "buffer": picture()})
    await expect(drawn.get_by_text("Made after your references")).to_be_visible()
    for _ in range(2):
        await drawn.get_by_role("button", name=re.compile("^Take away")).last.click()
    await expect(drawn.get_by_text("Begins with your picture")).to_be_visible()
    await short(drawn, "The camera moves in slowly")
    await expect(drawn.locator("[data-price]")).to_have_text("26 credits")
    await drawn.get_by_role("button", name="Make the video").click()
    await expect(drawn.locator("#result [data-state]")).to_have_text("Waiting")

    third = await browser.page("/")
    await short(third, "A storm at sea")
    await third.get_by_role("button", name="Make the video").click()
    await expect(third.locator("#result [data-state]")).to_have_text("Waiting")
    await third.get_by_role("button", name="Cancel").click()
    await expect(third.get_by_text("The task is cancelled, and its credits are back.")).to_be_visible()
    await expect(third.get_by_role("link", name="958 credits")).to_be_visible()

    await plays(words.locator("video.film"))
    await plays(drawn.locator("video.film"))
    states = await drawn.evaluate("JSON.parse(sessionStorage.states)")
    assert states == ["queued", "processing", "succeeded"]
    await expect(drawn.get_by_role("link", name="958 credits")).to_be_visible()

    async with drawn.expect_download() as getting:
        await drawn.get_by_role("link", name="Download").click()
    download = await getting.value
    assert (await download.path()).read_bytes()[4:8] == b"ftyp"
    async with drawn.expect_popup() as opening:
        await drawn.get_by_role("link", name="Last frame").click()
    assert (await (await opening.value).request.get((await opening.value).url)).headers["content-type"] == "image/png"


async def test_a_file_that_is_no_picture_is_refused_and_the_words_stay(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("clumsy"), "/", expected="status of 400")
    await page.get_by_label("Prompt", exact=True).fill("A quiet lake")
    await page.locator("[data-files]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    await expect(page.get_by_role("alert")).to_contain_text("a.png:")
    await expect(page.get_by_label("Prompt", exact=True)).to_have_value("A quiet lake")
    await expect(page.get_by_text("From the text alone")).to_be_visible()
