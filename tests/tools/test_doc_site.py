"""`make docs` itself needs an environment of its own; what is ours of it is tested here."""

import re
from pathlib import Path

import pytest

from tools import doc_site as site

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "pages"
    site.gather(folder)
    return folder


def test_every_document_and_the_description_of_the_api_are_gathered(pages: Path) -> None:
    documents = {path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))}
    assert {path.relative_to(pages) for path in pages.rglob("*.md")} == documents
    assert '"/api/v1/patients"' in (pages / "openapi.js").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|href)="([^"]+)"', (pages / "api.html").read_text(encoding="utf-8")))
    assert {name for name in named if not (pages / name).exists()} == {"index.html"}, "mkdocs makes it of README.md"


def test_a_link_to_a_file_of_the_project_becomes_its_text_and_a_dead_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code.py").touch()
    (tmp_path / "other.md").touch()
    page = tmp_path / "page.md"
    page.write_text("[a](code.py) [b](other.md#part) [c](gone.py) [d](https://example.org/x.py) ![e](code.py)")
    assert site._without_sources(page) == (
        "a [b](other.md#part) [c](gone.py) [d](https://example.org/x.py) ![e](code.py)"
    )


@pytest.mark.parametrize(
    ("content", "is_found"),
    [
        ('<script src="https://cdn.example/x.js"></script>', True),
        ("<script async src=//cdn.example/x.js></script>", True),
        ('<link rel="stylesheet" href="https://fonts.example/css">', True),
        ('<link href="https://fonts.example" rel="preconnect">', True),
        ('<img alt="" src="https://img.example/a.png">', True),
        ("<style>a { background: url(https://img.example/a.png) }</style>", True),
        ('<style>@import "https://img.example/a.css"</style>', True),
        ('<a href="https://example.org">elsewhere</a>', False),
        ('<script src="assets/x.js"></script><link rel="stylesheet" href="assets/x.css">', False),
        ('<link rel="canonical" href="https://docs.example/">', False),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_named(tmp_path: Path, content: str, is_found: bool) -> None:  # noqa: FBT001 - a parameter
    (tmp_path / "page.html").write_text(content)
    assert bool(site.check(tmp_path)) is is_found
