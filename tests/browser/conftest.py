"""
A real Chromium and a real server on loopback, for tests of pages as people meet them.

The browser is found by tools.browsers. Without any the tests are skipped and the summary says so; with CI=true or
REQUIRE_BROWSER=1 they fail instead. With BROWSER_MATRIX=whole (`make test-browser`) each page is looked at in every
width and theme.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NoReturn
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Playwright, ViewportSize, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

from app.access.accounts import sessions
from app.access.accounts.sessions import Origin
from app.main import create_app
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.canaries import World, a_world
from tests.serving import served_here
from tools.browsers import ARGUMENTS, find_browser

Theme = Literal["light", "dark"]

HERE: Final = Path(__file__).parent

WHOLE: Final = os.environ.get("BROWSER_MATRIX") == "whole"
DESK: Final = 1440
"""The width in which a page is used unless a test says otherwise."""
EVERY_WIDTH: Final = (1440, 1280, 1024, 768, 390)
WIDTHS: Final = EVERY_WIDTH if WHOLE else (1280, 390)
BOTH_THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
THEMES: Final = BOTH_THEMES if WHOLE else ("light",)
OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules of axe that look at colours."""
JUDGED: Final[set[str]] = set()
"""Looks of texts, as JUDGE spells them, in which axe has found nothing so far in this run."""
ADVICE = "install chromium, or name one in CRM_TEST_BROWSER"

# On a busy machine anything may take long once; times are measured by `make bench`.
expect.set_options(timeout=30_000)

# Left in the page before anything runs: what the content security policy refused. Playwright's own screenshots add
# style elements, so a test reads this before it takes one.
COUNT_VIOLATIONS = """
window.cspViolations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.cspViolations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""

# In each page from the beginning, to be run where it is asked for: half a megabyte sent to each page took a third of
# the time that axe takes.
AXE = f"window.startAxe = () => {{ {Axe().axe_script} }};"

# Contrast takes axe three quarters of its time, most of it for the same sidebar and the same rows on each page, wide
# and narrow. A text whose look has been judged is not measured again: its colour, its size, and the grounds below it.
# What axe passes over, as a button that is disabled, is not judged; what floats over others without a ground of its
# own has no look, since what is below it may be anything. With the whole matrix every text is measured on every page.
JUDGE = """
async ({rules, judged, whole}) => {
    const options = {resultTypes: ["violations"], preload: false};
    if (whole) return {violations: (await axe.run(rules.length ? {...options, runOnly: rules} : options)).violations};

    const grounds = new Map([[null, {said: "", floats: false, isClipped: false}]]);
    const groundOf = (one) => {
        if (!grounds.has(one)) {
            const style = getComputedStyle(one);
            const {backgroundColor, backgroundImage, opacity, filter, mixBlendMode} = style;
            const below = groundOf(one.parentElement);
            const own = `${backgroundColor} ${backgroundImage} ${opacity} ${filter} ${mixBlendMode}`;
            const isSolid = /^rgb\\(/.test(backgroundColor);
            grounds.set(one, {
                said: own === "rgba(0, 0, 0, 0) none 1 none normal" ? below.said : `${own}/${below.said}`,
                floats: !isSolid && (below.floats || ["absolute", "fixed"].includes(style.position)),
                isClipped: below.isClipped || style.clipPath === "inset(50%)",
            });
        }
        return grounds.get(one);
    };
    const lookOf = (one) => {
        const {color, fontSize, fontWeight, textShadow} = getComputedStyle(one);
        const {said, floats} = groundOf(one);
        return floats ? null : `${color} ${fontSize} ${fontWeight} ${textShadow} on ${said}`;
    };
    const isRead = (one) => {
        const scrolled = getComputedStyle(one).position === "fixed" ? 0 : scrollY;
        return one.getBoundingClientRect().bottom + scrolled > 0 && !groundOf(one).isClipped
            && one.checkVisibility({visibilityProperty: true, opacityProperty: true})
            && (one.matches("input, select, textarea")
                || [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
    };
    const known = new Set(judged);
    const fresh = [...document.body.querySelectorAll("*")].filter((one) => isRead(one) && !known.has(lookOf(one)));

    const others = rules.length ? {runOnly: rules.filter((rule) => rule !== "color-contrast")}
        : {rules: {"color-contrast": {enabled: false}}};
    const {violations} = await axe.run({...options, ...others});
    if (!fresh.length) return {violations, judged: []};
    const contrast = await axe.run({include: fresh}, {
        ...options, resultTypes: ["violations", "passes", "incomplete"], runOnly: ["color-contrast"], elementRef: true
    });
    // Over a picture axe leaves every text to the eye.
    const left = contrast.incomplete.flatMap(({nodes}) => nodes)
        .filter(({any}) => any.some(({data}) => data?.messageKey === "bgImage"));
    const looks = [...contrast.passes.flatMap(({nodes}) => nodes), ...left].map(({element}) => lookOf(element));
    // Elements do not leave the page.
    const low = contrast.violations.map(({id, nodes}) =>
        ({id, nodes: nodes.map(({target, failureSummary}) => ({target, failureSummary}))}));
    return {violations: [...violations, ...low], judged: [...new Set(looks)].filter((look) => look)};
}
"""


@dataclass
class Seen:
    """A page with what went wrong in it so far: errors of scripts, words on the console, requests to elsewhere."""

    page: Page
    base: str
    console: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    async def findings(self, themes: Sequence[Theme] = THEMES) -> list[str]:
        """
        What is wrong with the open page, a line each; none is what is wanted.

        Findings of axe at each of WIDTHS in each theme; at every width scrolling sideways, columns without room and
        fields beside each other that are not level; refusals of the content security policy, requests to elsewhere. The
        page is not loaded anew: it is turned and narrowed as somebody does it. The second theme differs in its colours
        alone.
        """
        found = []
        for width in EVERY_WIDTH:
            await self.resize(width)
            for theme, rules in zip(themes, ((), OF_COLOURS), strict=False) if width in WIDTHS else ():
                if len(themes) > 1:
                    await self.page.emulate_media(color_scheme=theme)
                found += [f"{width} {theme}: {finding}" for finding in await self.axe(*rules)]
            found += [f"{width}: {finding}" for finding in await self.layout()]
        await self.resize(DESK)
        if len(themes) > 1:
            await self.page.emulate_media(color_scheme=themes[0])
        return [*found, *await self.violations(), *self.elsewhere]

    async def layout(self) -> list[str]:
        """What does not fit at the present width, a line each: it depends on the words, and so on the language."""
        found = [f"scrolls sideways by {sideways} px"] if (sideways := await self.sideways()) else []
        found += [f"the link {text} lies over more than its row" for text in await self.spread()]
        found += [f"the column {name} has no room" for name in await self.squeezed()]
        found += [f"the text {text} is cut" for text in await self.cut()]
        return [*found, *[f"{pair} are not level" for pair in await self.uneven()]]

    async def resize(self, width: int) -> None:
        """Makes the window so wide, unless it is."""
        size = ViewportSize(width=width, height=844 if width < 600 else 900)
        if self.page.viewport_size != size:
            await self.page.set_viewport_size(size)

    async def violations(self) -> list[str]:
        """What the content security policy refused on the page that is open."""
        found: list[str] = await self.page.evaluate("window.cspViolations")
        return found

    async def axe(self, *rules: str) -> list[str]:
        """Findings of axe, by all rules or these, a line each: rule, target, what is wrong. None is what is wanted."""
        await self.page.evaluate("'axe' in window || startAxe()")
        found = await self.page.evaluate(JUDGE, {"rules": rules, "judged": list(JUDGED), "whole": WHOLE})
        JUDGED.update(found.get("judged", ()))
        return [
            f"{violation['id']} at {node['target']}: {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    async def spread(self) -> list[str]:
        """Links of rows that lie over the page instead of their row, which takes every click elsewhere."""
        found: list[str] = await self.page.evaluate(
            """[...document.querySelectorAll(".row-link")].filter((link) => {
                let held = link;
                while (held && getComputedStyle(held).position === "static") held = held.parentElement;
                return !held || held.matches("html, body, main, :has(h1)");
            }).map((link) => link.innerText)"""
        )
        return found

    async def squeezed(self) -> list[str]:
        """Columns of a list that are shown and have no room: those beside them take all of it."""
        found: list[str] = await self.page.evaluate(
            """() => [...document.querySelectorAll(".list-table thead th")]
                .filter((one) => one.checkVisibility() && one.clientWidth < 32).map((one) => one.dataset.column)"""
        )
        return found

    async def cut(self) -> list[str]:
        """Words of ours that end where an element around them is cut off: of heads, buttons, chips and labels."""
        found: list[str] = await self.page.evaluate(
            """() => [...document.querySelectorAll(
                ".list-table thead th, .list-table [data-column=decision], .button, .chip, .field-label, .tabs a, h1"
            )].filter((one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true})).filter((one) => {
                const range = document.createRange();
                const walker = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
                for (let text = walker.nextNode(); text; text = walker.nextNode()) {
                    if (!text.data.trim() || text.parentElement.closest(".visually-hidden, .avatar")) continue;
                    range.selectNodeContents(text);
                    const right = Math.max(...[...range.getClientRects()].map((rect) => rect.right));
                    const bottom = Math.max(...[...range.getClientRects()].map((rect) => rect.bottom));
                    for (let around = text.parentElement; around && around !== document.body; ) {
                        const {overflowX, overflowY, position} = getComputedStyle(around);
                        const box = around.getBoundingClientRect();
                        if (["auto", "scroll"].includes(overflowX) || position === "fixed") break;
                        if (["hidden", "clip"].includes(overflowX) && right > box.right + 1) return true;
                        if (["hidden", "clip"].includes(overflowY) && bottom > box.bottom + 1) return true;
                        around = around.parentElement;
                    }
                }
                return false;
            }).map((one) => one.innerText.trim())"""
        )
        return found

    async def uneven(self) -> list[str]:
        """Fields of a form that stand beside each other, whose labels or controls are not level."""
        found: list[str] = await self.page.evaluate(
            """() => [...document.querySelectorAll(".form, .toolbar")].flatMap((form) => {
                const fields = [...form.querySelectorAll(":scope > .field")].filter((one) => one.checkVisibility());
                const topOf = (field, part) => field.querySelector(part)?.getBoundingClientRect().top;
                return fields.slice(1).map((field, at) => [fields[at], field]).filter((pair) => {
                    const [one, other] = pair.map((field) => field.getBoundingClientRect());
                    const isBeside = one.right <= other.left && one.top < other.bottom && other.top < one.bottom;
                    return isBeside && [".field-label", ".input"].some((part) => {
                        const [left, right] = pair.map((field) => topOf(field, part));
                        return Math.abs(left - right) > 1;
                    });
                }).map((pair) => pair.map((field) => field.querySelector(".field-label").innerText).join(" and "));
            })"""
        )
        return found

    async def sideways(self) -> int:
        """By how many pixels the page can be scrolled sideways; 0 is wanted."""
        width: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


Serve = Callable[[FastAPI], Awaitable[str]]
Open = Callable[..., Awaitable[Seen]]


@pytest.fixture(scope="session")
def browser_path(playwright_sessions: Playwright) -> str:
    """Where the browser is; skips, or fails where one is required, when none can be had."""
    try:
        return find_browser(playwright_sessions.chromium.executable_path)
    except LookupError as error:
        without_browser(str(error))


def without_browser(reason: str) -> NoReturn:
    """Ends a test that needs a browser: skipped on a developer's machine, failed where browsers are required."""
    if os.environ.get("CI") == "true" or os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"no browser: {reason}; {ADVICE}")
    pytest.skip(f"no browser: {reason}; {ADVICE}")


@pytest.fixture(scope="session")
async def playwright_sessions() -> AsyncIterator[Playwright]:
    async with async_playwright() as started:
        yield started


@pytest.fixture(scope="session")
async def browser(playwright_sessions: Playwright, browser_path: str) -> AsyncIterator[Browser]:
    try:
        launched = await playwright_sessions.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
    except PlaywrightError as error:
        # On a bare machine the libraries that Chromium is linked to may be missing.
        without_browser(f"{browser_path} does not start ({error.message.splitlines()[0]})")
    yield launched
    await launched.close()


@pytest.fixture(scope="session")
async def serve() -> AsyncIterator[Serve]:
    """Serves an application on loopback in this very event loop, so that it may share a test's database."""
    async with AsyncExitStack() as running:

        async def start(app: FastAPI) -> str:
            return f"http://127.0.0.1:{await running.enter_async_context(served_here(app))}"

        yield start


@pytest.fixture(scope="session")
async def crm(serve: Serve, settings: Settings, committed_database: Database) -> str:
    """The whole CRM on loopback, on a database where what is written stays written: its address."""
    return await serve(create_app(settings, committed_database))


@pytest.fixture(scope="session")
async def world(committed_database: Database) -> World:
    """The world of canaries: one for all files, for it cannot be made twice in a database."""
    async with committed_database.session() as session:
        return await a_world(session)


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """A function that opens an address in a fresh browser profile, in a theme and at a width."""
    contexts = []

    async def opened(base: str, path: str, *, theme: str = "light", width: int = DESK, **options: Any) -> Seen:
        context = await browser.new_context(
            viewport={"width": width, "height": 844 if width < 600 else 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Amsterdam",
            **options,
        )
        contexts.append(context)
        await context.add_init_script(COUNT_VIOLATIONS + AXE)
        seen = Seen(await context.new_page(), base)
        seen.page.on("console", lambda message: seen.console.append(message.text))
        seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
        seen.page.on(
            "request",
            lambda request: (
                None if request.url.startswith((base, "data:", "blob:")) else seen.elsewhere.append(request.url)
            ),
        )
        await seen.page.goto(base + path)
        return seen

    yield opened
    for context in contexts:
        await context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that failed in the browser is run once more, and said by name (docs/decisions/0029)."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if "no browser: " in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser tests NOT run: no browser; {ADVICE}", yellow=True)
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.write_line(f"UNSTEADY, failed at first: {report.nodeid}", yellow=True)
        terminalreporter.write_line(report.longreprtext)


def a_new_name() -> str:
    """
    A family name that nobody has: a test whose people have it begins anew when it is run once more, and where other
    files have written into the database.
    """
    return "".join(chr(ord("a") + int(digit, 16)) for digit in uuid4().hex[:10]).title()


async def hold_session(seen: Seen, base: str, database: Database, account_id: UUID) -> None:
    """The browser holds an open session of this account from now on."""
    async with database.unit_of_work() as session:
        _, reference = await sessions.open_session(
            session, account_id=account_id, stage="open", origin=Origin("127.0.0.1", "A test"), now=clock.now()
        )
    await seen.page.context.add_cookies([{"name": "crm_session", "value": reference, "url": base}])
    seen.console.clear()


async def seen_as(open_page: Open, base: str, database: Database, account_id: UUID) -> Seen:
    """The page of somebody who is signed in; nothing is open but the health of the server."""
    seen: Seen = await open_page(base, "/health")
    await hold_session(seen, base, database, account_id)
    return seen
