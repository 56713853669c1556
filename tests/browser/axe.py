"""What axe-core finds wrong with a page for people who do not see, hear or point as its makers do."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from playwright.async_api import Page

GRAVE = ("serious", "critical")
RUN = """async ([rules, grave]) => {
  const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false, ...only });
  return violations.filter((each) => !grave || grave.includes(each.impact)).map((each) =>
    `${each.impact}: ${each.id}: ${each.help}: ` + each.nodes.slice(0, 4).map((node) => node.html.slice(0, 160)
      + " | " + node.failureSummary.split("\\n").at(-1)).join(" ;; "));
}"""


@cache
def _source() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


DRAWN = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""
"""A page that has just changed its size tells its observers when it is drawn, which people wait for too."""


async def faults(page: Page, *, rules: list[str] | None = None, grave: bool = True) -> list[str]:
    """What is wrong with `page` as it stands, a line for each; minor and moderate things too, unless `grave`."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_source())  # by the debugger's way: the policy of our pages holds for it no less
    await page.evaluate(DRAWN)
    found: list[Any] = await page.evaluate(RUN, [rules, list(GRAVE) if grave else None])
    return [f"{page.url}: {each}" for each in found]
