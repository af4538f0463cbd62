"""What no template may hold, because the pages' content security policy would refuse it or a reader would trip."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.main import create_app
from app.platform.settings import Settings
from app.web import docs_pages
from app.web.error_pages import ERRORS
from app.web.frame import PLACES, SEARCH_HREF, USER_MENU
from app.web.render import STATIC, TEMPLATES, Components, build_environment

FORBIDDEN = {
    "a script in an attribute": re.compile(r"hx-on|\bon(click|change|submit|load|input|error)\s*=", re.IGNORECASE),
    "an expression that needs eval": re.compile(r"['\"]\s*js:|javascript:|hx-trigger=\"[^\"]*\[", re.IGNORECASE),
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an inline style sheet": re.compile(r"<style", re.IGNORECASE),
    "a file from elsewhere": re.compile(r"(src|href|action)=\"(https?:)?//", re.IGNORECASE),
    "unescaped text": re.compile(r"\|\s*safe\b|autoescape\s+false", re.IGNORECASE),
}


def templates() -> Iterator[Path]:
    yield from sorted(TEMPLATES.rglob("*"))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_holds(what: str) -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}:{number}: {line.strip()}"
        for path in templates()
        if path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "vendor" / "icons.svg").read_text()))
    named = re.compile(r"""(?:\bicon\(\s*|\bicon\s*=\s*|_icon\s*=\s*)["']([a-z0-9-]+)["']""")
    sources = [path for path in templates() if path.is_file()] + sorted((TEMPLATES.parent).glob("*.py"))
    missing = {
        f"{path.name}: {name}" for path in sources for name in named.findall(path.read_text()) if name not in sprite
    }
    assert missing == set()


def test_every_template_compiles_and_every_component_is_found_by_name() -> None:
    environment = build_environment(development=False)
    for path in templates():
        if path.is_file():
            environment.get_template(path.relative_to(TEMPLATES).as_posix())
    components = environment.globals["ui"]
    assert isinstance(components, Components)
    used = {
        name for path in templates() if path.is_file() for name in re.findall(r"\bui\.([a-z_]+)\(", path.read_text())
    }
    assert used <= set(components.names())


def test_every_class_in_a_template_is_styled_or_used_by_a_script() -> None:
    known = "".join(path.read_text() for path in [*STATIC.glob("css/*.css"), *STATIC.glob("js/*.js")])
    classes = {
        name
        for path in templates()
        if path.is_file()
        for value in re.findall(r'\bclass="([^"{%]*)', path.read_text())
        for name in value.split()
    }
    assert {name for name in classes if f".{name}" not in known} <= {"api-docs-head"}


def test_every_link_leads_to_a_page_that_exists() -> None:
    pages = {getattr(route, "path", "") for route in [*create_app(Settings()).routes, *docs_pages.router.routes]}
    written = {
        address
        for path in templates()
        if path.is_file() and path.parent.name != "gallery"
        for address in re.findall(r"""href=["'](/[^"'{?]*)""", path.read_text())
        if not address.startswith("/static/")
    }
    named = {href for words in ERRORS.values() for _, href in words.actions}
    named |= {place.item.href for place in PLACES} | {item.href for item in USER_MENU}
    if SEARCH_HREF is not None:
        named.add(SEARCH_HREF)
    dead = {
        address
        for address in written | named
        # What ends in a slash is followed by an id.
        if address not in pages and not (address != "/" and any(page.startswith(f"{address}{{") for page in pages))
    }
    assert dead == set()


def test_css_colours_stand_in_the_tokens_alone() -> None:
    colour = re.compile(r"#[0-9a-f]{3,8}\b|\brgb\(", re.IGNORECASE)
    outside = [
        f"{path.name}: {line.strip()}"
        for path in STATIC.glob("css/*.css")
        if path.name not in {"tokens.css", "api-docs.css", "fonts.css"}
        for line in path.read_text().splitlines()
        if colour.search(line)
    ]
    assert outside == []
