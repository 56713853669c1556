"""Pictures of every page, in two languages, light and dark, into docs/screenshots.

    python -m bench.screenshots [NAME …]

Starts a service with a database of its own, fills it (`bench.showcase`), and drives Chromium. It takes some minutes,
most of which the films take. Dates are those of the day; all else is the same each time.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from tests.browser import house as houses
from tests.browser.conftest import ARGUMENTS
from tests.browser.house import House
from tests.browser.watched import PHONE, Browsers

from bench import showcase
from bench.showcase import Showcase
from seedbed import db
from seedbed.embedded import connect_or_start

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
LANGUAGES = ("en", "zh-Hans")
SCHEMES = ("light", "dark")
WIDE = {"width": 1280, "height": 860}
TALL = 1500
"""A picture ends here, however long the page is, in pixels."""

QUALITY = 48
Step = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """One picture. `path` may name what the showcase has; `first` is done before it is taken."""

    name: str
    path: str
    first: Step | None = None
    outside: bool = False
    phone: bool = False
    whole: bool = True
    """Down to its end (or TALL); else as much as a window shows."""


async def _open_code(page: Page) -> None:
    await page.locator(".codes summary").click()
    await page.get_by_role("tab", name="Python").click()


async def _write(page: Page) -> None:
    await page.locator("#prompt").fill(
        "Storm waves break on a lighthouse, dark clouds and lightning, cinematic wide shot"
    )
    await page.locator("#prompt").blur()


async def _new_key(page: Page) -> None:
    before = page.get_by_role("row").filter(has_text="poster wall").locator("form[action$='/rotate'] button")
    if await before.count():
        page.once("dialog", lambda dialog: dialog.accept())
        await before.click()
    else:
        await page.locator("form[action='/keys'] input[name=name]").fill("poster wall")
        await page.locator("form[action='/keys'] button").click()
    await page.locator("#secret").wait_for()


async def _search(page: Page) -> None:
    await page.locator("form.search input").fill("idempotency")
    await page.locator("#found li").first.wait_for()


async def _menu(page: Page) -> None:
    await page.locator("[data-menu]").click()


SHOTS = (
    Shot("welcome", "/", outside=True),
    Shot("sign-in", "/sign-in", outside=True),
    Shot("sign-up", "/sign-up", outside=True),
    Shot("forgot", "/forgot", outside=True),
    Shot("invitation", "{invitation}", outside=True),
    Shot("create", "/", _write),
    Shot("making", "/?task={waiting}"),
    Shot("made", "/?task={film}"),
    Shot("library", "/library"),
    Shot("task", "/tasks/{film}", _open_code),
    Shot("failed", "/tasks/{failed}"),
    Shot("usage", "/usage"),
    Shot("keys", "/keys", _new_key),
    Shot("key", "/keys/{key}"),
    Shot("webhooks", "/webhooks"),
    Shot("delivery", "/webhooks/{delivery}"),
    Shot("team", "/team"),
    Shot("pricing", "/pricing"),
    Shot("account", "/account"),
    Shot("admin", "/admin"),
    Shot("admin-accounts", "/admin/accounts"),
    Shot("admin-account", "/admin/accounts/{account}"),
    Shot("admin-catalogue", "/admin/catalogue"),
    Shot("admin-checkup", "/admin/checkup"),
    Shot("admin-audit", "/admin/audit"),
    Shot("not-found", "/tasks/nowhere"),
    Shot("docs", "/docs/{language}/", whole=False),
    Shot("docs-page", "/docs/{language}/text-to-video", whole=False),
    Shot("docs-search", "/docs/{language}/open-api", _search, whole=False),
    Shot("phone-create", "/", _write, phone=True),
    Shot("phone-library", "/library", phone=True),
    Shot("phone-menu", "/usage", _menu, phone=True),
    Shot("phone-docs", "/docs/{language}/webhooks", phone=True),
)


async def take(browsers: Browsers, shown: Showcase, shot: Shot, language: str, scheme: str, folder: Path) -> None:
    """One picture."""
    size = PHONE if shot.phone else WIDE
    browser = await browsers.of(
        None if shot.outside else shown.person,
        viewport=size,
        color_scheme=scheme,
        locale=language,
        expected="status of 404",
    )
    await browser.context.add_cookies([{"name": "language", "value": language, "url": browsers.house.url}])
    path = shot.path.format(language=language, account=shown.person.account_id, **vars(shown))
    page = await browser.page(path)
    if shot.first:
        await shot.first(page)
    await page.evaluate(STILL)
    tall = await page.evaluate("document.documentElement.scrollHeight")
    limit = TALL if shot.whole and not shot.phone else size["height"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(max(tall, size["height"]), limit)}
    drawn = await page.screenshot(full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type]
    where = folder / f"{language}-{scheme}"
    where.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(drawn)).convert("RGB").save(where / f"{shot.name}.webp", quality=QUALITY, method=6)
    await browser.end()


STILL = """async () => {
  await document.fonts.ready;
  const films = [...document.querySelectorAll("video")].filter((film) => film.preload !== "none");
  await Promise.all(films.map((film) => new Promise((done) => {
    if (film.readyState > 2) return done();
    for (const name of ["canplay", "error"]) film.addEventListener(name, done);
    film.preload = "auto";
  })));
  await Promise.all(films.filter((film) => !film.poster).map((film) => new Promise((done) => {
    film.requestVideoFrameCallback(done);
    film.addEventListener("error", done);
    film.currentTime = 0.5;
  })));
  await Promise.all([...document.images].map((image) => (image.loading = "eager", image.decode().catch(() => {}))));
}"""


async def shoot(chromium: Browser, house: House, shown: Showcase, shots: list[Shot], folder: Path) -> None:
    """All pictures; whatever goes wrong in a page is told."""
    browsers = Browsers(chromium, house)
    for language in LANGUAGES:
        for scheme in SCHEMES:
            for shot in shots:
                await take(browsers, shown, shot, language, scheme, folder)
    assert (faults := await browsers.end()) == [], faults


async def _all(dsn: str, place: Path, shots: list[Shot], folder: Path) -> None:
    await db.migrate(dsn)
    path = shutil.which("chromium")
    assert path, "Chromium is needed"
    async with houses.opened(place, dsn) as house, async_playwright() as playwright:
        house.receiver.answers[:] = showcase.ANSWERS
        shown = await showcase.settled(house)
        chromium = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        await shoot(chromium, house, shown, shots, folder)
        await chromium.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which pictures; all by default")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    shots = [shot for shot in SHOTS if not given.names or shot.name in given.names]
    with tempfile.TemporaryDirectory() as name, connect_or_start(Path(name) / "postgres") as dsn:
        asyncio.run(_all(dsn, Path(name), shots, given.folder))


if __name__ == "__main__":
    main()
