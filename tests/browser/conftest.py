"""
A real Chromium and a real server on loopback, for tests of pages as people meet them.

The browser is the first of: what CRM_TEST_BROWSER names, chromium or google-chrome on PATH, playwright's own, and
else one from npm that is unpacked once into the virtual environment. Without any the tests are skipped and the summary
says so; with CI=true or REQUIRE_BROWSER=1 they fail instead.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import pytest
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

import hatch_build
from app.main import create_app
from app.platform.db import Database
from app.platform.settings import Settings
from tests.serving import served_here

HERE = Path(__file__).parent
ON_PATH = ("chromium", "google-chrome", "chromium-browser")
INSTALLED = Path(sys.prefix) / "browser"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS: Final = (1440, 390)
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules of axe that look at colours."""
ADVICE = "install chromium, or name one in CRM_TEST_BROWSER"

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


@dataclass
class Seen:
    """A page with what went wrong in it so far: errors of scripts, words on the console, requests to elsewhere."""

    page: Page
    base: str
    console: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    async def findings(self) -> list[str]:
        """
        What is wrong with the open page, at each of WIDTHS in each of THEMES, a line each; none is what is wanted.

        Findings of axe, refusals of the content security policy, scrolling sideways, requests to elsewhere. The page
        is not loaded anew: it is turned and narrowed as somebody does it. The second theme differs in its colours
        alone.
        """
        found = []
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 844 if width < 600 else 900})
            for theme, rules in zip(THEMES, ((), OF_COLOURS), strict=True):
                await self.page.emulate_media(color_scheme=theme)
                found += [f"{width} {theme}: {finding}" for finding in await self.axe(*rules)]
            if sideways := await self.sideways():
                found.append(f"{width}: scrolls sideways by {sideways} px")
        await self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        await self.page.emulate_media(color_scheme=THEMES[0])
        return [*found, *await self.violations(), *self.elsewhere]

    async def violations(self) -> list[str]:
        """What the content security policy refused on the page that is open."""
        found: list[str] = await self.page.evaluate("window.cspViolations")
        return found

    async def axe(self, *rules: str) -> list[str]:
        """Findings of axe, by all rules or these, a line each: rule, target, what is wrong. None is what is wanted."""
        await self.page.evaluate("'axe' in window || startAxe()")
        options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
        violations = await self.page.evaluate("options => axe.run(options).then(found => found.violations)", options)
        return [
            f"{violation['id']} at {node['target']}: {node['failureSummary']}"
            for violation in violations
            for node in violation["nodes"]
        ]

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


def find_browser(playwrights_own: str) -> str:
    """The browser to use, by the order above; LookupError with the reason when there is none."""
    if named := os.environ.get("CRM_TEST_BROWSER"):
        # "npm" asks for the last of the ways, to try it where another browser would be found first.
        if named == "npm":
            return from_npm()
        if not Path(named).is_file():
            raise LookupError(f"CRM_TEST_BROWSER names {named}, which is no file")
        return named
    for name in ON_PATH:
        if found := shutil.which(name):
            return found
    if Path(playwrights_own).is_file():
        return playwrights_own
    return from_npm()


def from_npm() -> str:
    """A Chromium from npm, pinned by tests/browser/package-lock.json, unpacked into the virtual environment."""
    command, environment = hatch_build.npm_command()
    lock = (HERE / "package-lock.json").read_text()
    stamp = INSTALLED / ".stamp"
    if stamp.is_file() and stamp.read_text() == lock:
        binary = INSTALLED / "chromium"
        if binary.is_file():
            return str(binary)
    INSTALLED.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(HERE / name, INSTALLED / name)
    # The package unpacks into the temporary folder, which is made to be this one.
    environment = {**environment, "TMPDIR": str(INSTALLED)}
    unpack = "import('@sparticuz/chromium').then(async ({default: it}) => console.log(await it.executablePath()))"
    node = shutil.which("node", path=environment["PATH"])
    if node is None:
        raise LookupError("no node beside npm")
    try:
        subprocess.run(  # npm and node of our own choice, constant arguments
            [*command, "ci", "--loglevel=error"],
            cwd=INSTALLED,
            env=environment,
            check=True,
            capture_output=True,
            timeout=300,
        )
        done = subprocess.run(
            [node, "-e", unpack],
            cwd=INSTALLED,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LookupError(f"Chromium could not be fetched from npm ({type(error).__name__})") from error
    stamp.write_text(lock)
    return done.stdout.strip()


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


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """A function that opens an address in a fresh browser profile, in a theme and at a width."""
    contexts = []

    async def opened(base: str, path: str, *, theme: str = "light", width: int = 1440, **options: Any) -> Seen:
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if "no browser: " in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser tests NOT run: no browser; {ADVICE}", yellow=True)
