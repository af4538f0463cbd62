"""What no template may hold, because the pages' content security policy would refuse it or a reader would trip."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.main import create_app
from app.platform.settings import Settings
from app.web import docs_pages
from app.web.assets import STATIC
from app.web.error_pages import ERRORS
from app.web.frame import PLACES, SEARCH_HREF, USER_MENU
from app.web.listing import LISTS
from app.web.page_guard import PageRoute
from app.web.render import TEMPLATES, Components, build_environment

FORBIDDEN = {
    "a script in an attribute": re.compile(r"hx-on|\bon(click|change|submit|load|input|error)\s*=", re.IGNORECASE),
    "an expression that needs eval": re.compile(r"['\"]\s*js:|javascript:|hx-trigger=\"[^\"]*\[", re.IGNORECASE),
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an inline style sheet": re.compile(r"<style", re.IGNORECASE),
    "a file from elsewhere": re.compile(r"(src|href|action)=\"(https?:)?//", re.IGNORECASE),
    "a noun made small": re.compile(r"(?<!string)\|\s*lower\b|(?<!\"string\"\)\|)map\(\"lower\"\)"),
    "a date that the browser writes": re.compile(r"type=[\"'](date|datetime-local|time|month|week)\b", re.IGNORECASE),
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


def test_every_icon_of_the_sprite_is_used() -> None:
    """Each reader is sent all of them; the gallery is for who builds."""
    sprite = re.findall(r'<symbol id="([^"]+)"', (STATIC / "vendor" / "icons.svg").read_text())
    folders = ((TEMPLATES.parent.parent, "**/*.py"), (TEMPLATES, "**/*.html"), (STATIC, "js/*.js"))
    files = (path for folder, pattern in folders for path in folder.glob(pattern) if "gallery" not in str(path))
    text = "".join(path.read_text() for path in files)
    assert [name for name in sprite if not re.search(rf"""["'#]{name}["']""", text)] == []


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


def _links() -> set[str]:
    """The addresses that templates and the frame lead to; what ends in a slash is followed by an id."""
    written = {
        address
        for path in templates()
        if path.is_file() and path.parent.name != "gallery"
        for address in re.findall(r"""href=["'](/[^"'{?]*)""", path.read_text())
        if not address.startswith("/static/")
    }
    named = {href for words in ERRORS.values() for _, href in words.actions}
    named |= {address.partition("{")[0] for shown in LISTS.values() for address in shown.opens}
    named |= {shown.makes_at or f"{shown.path}/new" for shown in LISTS.values() if shown.makes}
    named |= {place.item.href for place in PLACES} | {item.href for item in USER_MENU}
    return written | named | ({SEARCH_HREF} if SEARCH_HREF is not None else set())


def _leads_to(link: str, page: str) -> bool:
    return link == page or (link.endswith("/") and link != "/" and page.startswith(f"{link}{{"))


def test_every_link_leads_to_a_page_that_exists() -> None:
    pages = {getattr(route, "path", "") for route in [*create_app(Settings()).routes, *docs_pages.router.routes]}
    assert {link for link in _links() if not any(_leads_to(link, page) for page in pages)} == set()


def _pages() -> set[str]:
    """What is asked for by GET; the history of every kind of record is one page."""
    pages = {route.path for route in create_app(Settings()).routes if isinstance(route, PageRoute) and _is_read(route)}
    return {re.sub("^/history/[^/]+", "/history/persons", page) for page in pages}


def _is_read(route: PageRoute) -> bool:
    return "GET" in (route.methods or ())


LED_TO_OTHERWISE = {
    "/invitation/{token}": "a mail",
    "/reset/{token}": "a mail",
    "/sign-in/outside/callback": "the identity provider",
    "/feeds/calls/{token}.ics": "a calendar program",
    "/sign-in/enrolment": "a sign-in that has no second factor yet",
    "/unlock": "a session that was left alone",
}
"""Pages that no template links to, and what leads there."""
NOT_LOOKED_AT = {
    "/sign-in/second-factor": "comes after the password: tests/browser/test_sign_in.py",
    "/sign-in/enrolment": "comes after the first password: tests/browser/test_sign_in.py",
    "/users/{account_id}/name": "comes after a click: tests/browser/test_sign_in.py",
    "/sign-in/outside": "leads on to the identity provider",
    "/sign-in/outside/callback": "leads on to the start",
    "/audit/export": "is a file",
    "/feeds/calls/{token}.ics": "is a file",
    "/documents/{document_id}/versions/{number}/content": "is a file",
}
"""Pages whose address stands in no test of tests/browser, with the reason."""


def test_every_page_is_led_to() -> None:
    links = _links()
    lonely = {page for page in _pages() if not any(_leads_to(link, page) for link in links)}
    assert lonely == set(LED_TO_OTHERWISE), "name it in PLACES or link to it from a page"


def test_every_page_is_looked_at_in_a_browser() -> None:
    asked = "".join(path.read_text() for path in (Path(__file__).parent.parent / "browser").glob("*.py"))

    def is_asked(page: str) -> bool:
        address = re.sub(r"\\\{\w+\\\}", r"[^/\"\\s]+", re.escape(page))
        return re.search(rf"""{address}["?\s]""", asked) is not None

    assert {page for page in _pages() if not is_asked(page)} == set(NOT_LOOKED_AT), "look at it in tests/browser"


_TYPED = re.compile(r"ui\.(?:field|textarea|combobox)\(|<textarea|<input class=\"input\"")
_FLEETING = (
    "account/app.html",
    "components/list.html {{ listing.path }}",
    "layout.html {{ frame.search_href",
    "search/search.html",
)
"""Forms in which nothing is typed that is worth a question: a code, what is searched for, to whom a selection goes."""


def test_a_form_in_which_something_is_typed_is_not_left_without_a_question() -> None:
    unguarded = []
    for path in TEMPLATES.rglob("*.html"):
        name = path.relative_to(TEMPLATES).as_posix()
        if name.startswith(("gallery/", "sign_in/")):
            continue
        for head, body in re.findall(r"<form\b([^>]*)>(.*?)</form>", path.read_text(encoding="utf-8"), re.DOTALL):
            address = re.search(r'action="([^"]*)', head)
            form = f"{name} {address[1] if address else ''}"
            if "post" in head and _TYPED.search(body) and "data-keep" not in head and not form.startswith(_FLEETING):
                unguarded.append(form)
    assert unguarded == []


def test_a_page_without_margins_is_a_record() -> None:
    """A page of the kind `record` has no margins of its own: its three columns have them."""
    kind = re.compile(r"block page_kind %}record{%")
    found = [path for path in templates() if path.is_file() and kind.search(path.read_text())]
    assert len(found) == 3
    assert [path.name for path in found if 'class="record-story' not in path.read_text()] == []


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


def test_the_edge_of_an_entry_of_the_agenda_is_seen_in_both_themes() -> None:
    tokens = (STATIC / "css" / "tokens.css").read_text()
    entry = (STATIC / "css" / "agenda.css").read_text().partition(".agenda-call {")[2].partition("}")[0]
    edge = re.search(r"border: 1px solid var\(--([\w-]+)\)", entry)
    assert edge is not None, "an entry has no edge all around"
    for edges, grounds in zip(_both(tokens, edge[1]), _both(tokens, "surface"), strict=True):
        light, dark = sorted((_luminance(edges), _luminance(grounds)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, (edges, grounds)


def _both(tokens: str, name: str) -> tuple[str, str]:
    """A colour of the light and of the dark theme."""
    found = re.search(rf"--{name}: light-dark\(#(\w{{6}}), #(\w{{6}})\)", tokens)
    assert found is not None, name
    return found[1], found[2]


def _luminance(colour: str) -> float:
    """As WCAG computes it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
