"""
Take the pictures that README and docs show, of a CRM of its own with demo data: docs/pictures/, or the folder named.

    python -m tools.screenshots [FOLDER]
"""

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console

from tools.browsers import ARGUMENTS, find_browser

ROOT = Path(__file__).parent.parent
SERVING_WITHIN_SECONDS: Final = 120
_NAVIGATOR = "navigator@demo.example"

say = Console(stderr=True, highlight=False)


class Picture(NamedTuple):
    """`path` is where it is taken; with `first` the first row of the list there is opened."""

    name: str
    path: str
    first: bool = False
    size: tuple[int, int] = (1440, 900)
    dark: bool = False


PICTURES = (
    Picture("today", "/today"),
    Picture("patients", "/patients"),
    Picture("patient", "/patients", first=True),
    Picture("patient-dark", "/patients", first=True, dark=True),
    Picture("today-phone", "/today", size=(390, 844)),
)


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """A CRM with demo data on a free port of this machine: its address, and the navigator's password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="crm-pictures-") as folder:
        printed = Path(folder) / "printed"
        environment = {**os.environ, "CRM_DATA_DIR": f"{folder}/data", "PORT": str(port), "COLUMNS": "200"}
        with printed.open("w") as output:
            server = subprocess.Popen(  # noqa: S603 - our own command
                [Path(sys.executable).with_name("crm"), "serve", "--demo"],
                cwd=ROOT, env=environment, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield f"http://127.0.0.1:{port}", _password(server, printed)
        finally:
            server.terminate()
            server.wait()


def _password(server: "subprocess.Popen[bytes]", printed: Path) -> str:
    until = time.monotonic() + SERVING_WITHIN_SECONDS
    while server.poll() is None and time.monotonic() < until:
        said = printed.read_text()
        found = re.search(rf"{_NAVIGATOR}\s+(\S+)", said)
        if found and "Serving" in said:
            return found[1]
        time.sleep(0.2)
    raise SystemExit(f"The CRM did not start:\n{printed.read_text()}")


async def take(base: str, password: str, folder: Path) -> None:
    """Write each of PICTURES into the folder."""
    async with async_playwright() as playwright:
        path = find_browser(playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        page = await _signed_in(browser, base, password)
        for picture in PICTURES:
            width, height = picture.size
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme="dark" if picture.dark else "light")
            await page.goto(base + picture.path)
            if picture.first:
                opened = await page.locator("a.row-link").first.get_attribute("href")
                await page.goto(f"{base}{opened}")
            await page.evaluate("document.fonts.ready")
            await page.screenshot(path=folder / f"{picture.name}.png")
            say.print(f"{folder / picture.name}.png")
        await browser.close()


async def _signed_in(browser: Browser, base: str, password: str) -> Page:
    context = await browser.new_context(reduced_motion="reduce", locale="en-GB", timezone_id="Europe/Amsterdam")
    page = await context.new_page()
    await page.goto(f"{base}/sign-in")
    await page.fill("[name=email]", _NAVIGATOR)
    await page.fill("[name=password]", password)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[name=code]")
    mailbox = await context.new_page()
    await mailbox.goto(f"{base}/mailbox")
    code = re.search(rf"{_NAVIGATOR}\s+(\d{{6}})", await mailbox.inner_text("body"))
    await mailbox.close()
    if code is None:
        raise SystemExit("The mailbox shows no code for the navigator.")
    await page.fill("[name=code]", code[1])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/today")
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "pictures")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with demo() as (base, password):
        asyncio.run(take(base, password, folder))


if __name__ == "__main__":
    main()
