"""
The documents as a site, around `mkdocs build`: what goes into it, and that nothing of it is fetched from elsewhere.

`gather FOLDER` lays the documents, the pictures and the API's description out as they lie in the project.
`check FOLDER` names what a page of the finished site would load from another host.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from app.main import create_app
from app.platform.settings import Settings

ROOT = Path(__file__).parent.parent
VENDOR = ROOT / "app" / "web" / "static" / "vendor"
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:\s]+)(#[^)]*)?\)")
_LOADS = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|icon|preload|preconnect|shortcut))[^>]*\bhref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?((?:https?:)?//[^"')]+)|@import\s+["']((?:https?:)?//[^"']+)"""
)
_VIEWER = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; style-src 'self' 'unsafe-inline';
 img-src 'self' data:; worker-src 'self' blob:">
</head><body><p><a href="index.html">Documents</a></p><div id="api"></div>
<script src="redoc.js"></script><script src="openapi.js"></script></body></html>
"""


def gather(folder: Path) -> None:
    """Documents and pictures; a link to a file of the project that is no document becomes its text."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        place = folder / page.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_without_sources(page), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", folder / "docs" / "pictures")
    shutil.copy(VENDOR / "redoc.js", folder / "redoc.js")
    description = create_app(Settings.from_environment({}), None).openapi()
    (folder / "openapi.js").write_text(
        f"Redoc.init({json.dumps(description)}, {{}}, document.getElementById('api'));\n", encoding="utf-8"
    )
    (folder / "api.html").write_text(_VIEWER, encoding="utf-8")


def _without_sources(page: Path) -> str:
    def shown(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        is_source = target.exists() and target.suffix not in {".md", ".png"}
        return f"{link[1]}" if is_source else link[0]

    return _LINK.sub(shown, page.read_text(encoding="utf-8"))


def check(folder: Path) -> list[str]:
    """What the pages and style sheets load from another host, as file and address."""
    files = [path for path in folder.rglob("*") if path.suffix in {".html", ".css"}]
    return [
        f"{path.relative_to(folder)}: {next(filter(None, found))}"
        for path in sorted(files)
        for found in _LOADS.findall(path.read_text(encoding="utf-8"))
    ]


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if what == "gather":
        gather(Path(where))
    elif found := check(Path(where)):
        sys.exit("loaded from elsewhere:\n" + "\n".join(found))
