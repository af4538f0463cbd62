"""
Static files as they leave: an address with a digest for each, fonts and images in stylesheets too; our stylesheets in
one file and our scripts in another; compressed once a process.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from rcssmin import cssmin
from rjsmin import jsmin
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).parent / "static"
SHEETS: Final = (
    "tokens", "fonts", "base", "layout", "controls", "data", "work", "feedback", "accounts", "search", "peek",
    "print",
)  # fmt: skip
SCRIPTS: Final = (
    "words", "app", "line", "session", "navigate", "palette", "peek", "keys", "list",
)  # fmt: skip
TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    "css/all.css": tuple(f"css/{name}.css" for name in SHEETS),
    "js/all.js": tuple(f"js/{name}.js" for name in SCRIPTS),
    "js/forms.js": ("js/combobox.js", "js/dock.js", "js/record.js", "js/drafts.js", "js/rows.js"),
    "js/alone.js": ("js/words.js", "js/app.js", "js/line.js"),
}
"""Files that are made of others, in this order."""
_MADE_OF_TEXT: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_BESIDE: Final = re.compile(r'url\("\.\./([^")]+)"\)')
_INSIDE: Final = re.compile(r'(?<=[\w\])"*]) +(?=::?[a-z])')
INDENT: Final = re.compile(r"^[ \t]+", re.MULTILINE)
"""What stands before a line, which only its writers need."""


def accepts_gzip(headers: Headers) -> bool:
    """Whether who asks reads gzip."""
    named = (part.strip().replace(" ", "") for part in headers.get("accept-encoding", "").lower().split(","))
    return any(
        part == "gzip" or (part.startswith("gzip;q=") and part[7:] not in {"0", "0.0", "0.00"}) for part in named
    )


@dataclass(frozen=True)
class Asset:
    """A file as it leaves."""

    content: bytes
    compressed: bytes
    digest: str


class Assets:
    """
    The files of `static` by their paths below it.

    In development a file is read again when it has changed; otherwise each is read once.
    """

    def __init__(self, *, development: bool) -> None:
        self._development = development
        self._read: dict[tuple[str, int], Asset] = {}
        self._digests: dict[tuple[str, int], str] = {}

    def __call__(self, path: str) -> str:
        """The address of a file; it changes with the file, so that a browser may keep what it has."""
        key = (path, self._changed(path))
        if key not in self._digests:
            self._digests[key] = hashlib.blake2b(self._content(path), digest_size=6).hexdigest()
        return f"/static/{path}?v={self._digests[key]}"

    def asset(self, path: str) -> Asset | None:
        """A file that is made of text, None for any other and for none."""
        suffix = Path(path).suffix
        is_there = path in TOGETHER or (".." not in path.split("/") and (STATIC / path).is_file())
        if suffix not in _MADE_OF_TEXT or not is_there:
            return None
        key = (path, self._changed(path))
        if key not in self._read:
            content = self._content(path)
            digest = self(path).partition("?v=")[2]
            self._read[key] = Asset(content, gzip.compress(content, 9, mtime=0), digest)
        return self._read[key]

    def _changed(self, path: str) -> int:
        """When it was changed last, in development: fonts and images in a stylesheet change it too."""
        if not self._development:
            return 0
        return max((STATIC / part).stat().st_mtime_ns for part in TOGETHER.get(path, (path,)))

    def _content(self, path: str) -> bytes:
        parts = TOGETHER.get(path)
        if parts is None and not path.endswith(".css"):
            return (STATIC / path).read_bytes()
        text = "\n".join((STATIC / part).read_text(encoding="utf-8") for part in parts or (path,))
        if not path.endswith(".css"):
            return str(jsmin(text)).encode()
        text = _BESIDE.sub(lambda found: f'url("{self(found[1])}")', text)
        # The library takes the blank away that stands before a pseudo-class, which says that it is of what lies inside.
        return str(cssmin(_INSIDE.sub(" *", text)) if parts else text).encode()


class KeptStaticFiles(StaticFiles):
    """Static files: kept for a year when asked for by digest, else asked for again each time (304 when unchanged)."""

    def __init__(self, assets: Assets) -> None:
        super().__init__(directory=STATIC)
        self._assets = assets

    async def get_response(self, path: str, scope: Scope) -> Response:
        asset = None
        if scope["method"] in ("GET", "HEAD"):
            asset = await run_in_threadpool(self._assets.asset, path)
        response = (
            await super().get_response(path, scope) if asset is None else _answer(asset, path, Headers(scope=scope))
        )
        is_right = response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)
        kept = scope.get("query_string", b"").startswith(b"v=") and is_right
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        return response


def _answer(asset: Asset, path: str, headers: Headers) -> Response:
    is_compressed = accepts_gzip(headers)
    etag = f'"{asset.digest}{"-gzip" if is_compressed else ""}"'
    about = {"etag": etag, "vary": "Accept-Encoding"}
    if headers.get("if-none-match") == etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=about)
    if is_compressed:
        about["content-encoding"] = "gzip"
    content = asset.compressed if is_compressed else asset.content
    return Response(content, media_type=_MADE_OF_TEXT[Path(path).suffix], headers=about)
