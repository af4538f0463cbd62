"""
Every page in the pseudo-language, in which each marked sentence has accents: a word without them is not marked.

What stands in the database is data. So are names of countries, languages, time zones and months, which Babel and the
zone database know, and what is the same in every language: addresses, ids, keys of the keyboard.
"""

import calendar
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from zoneinfo import available_timezones

import httpx
import pytest
from babel import Locale
from sqlalchemy import ARRAY, String, Text, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.main import create_app
from app.models import metadata
from app.platform.locales import PSEUDO
from app.platform.settings import Settings
from tests.canaries import a_world
from tests.conftest import BoundDatabase
from tests.web.test_page_canaries import ASKED_BY_ADDRESS, ASKED_BY_FORM, PAGES, _walk

SHOWN = ("title", "aria-label", "placeholder", "alt", "label")
NOT_READ = ("script", "style", "template", "kbd", "code", "svg")
OURS = {"myTomorrows", "CRM", "Français", "Español", "Nederlands", "Deutsch", "English"}
"""Our name, and each language by its own name."""
LEFT_OUT = ("/docs", "/redoc", "/openapi.json", "/_gallery", "/mailbox", "/health")
"""For developers, in English."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLAIN = re.compile(r"[aeiouyAEIOUY]")
# Addresses, numbers, abbreviations, codes of permissions, what is masked, and what is made at random and now and then
# of letters alone: references, recovery codes, secrets of an authenticator and the first signs of an id.
_RANDOM = r"\b[PL]-[A-Z]{8}\b|\b[a-z]{4}(?:-[a-z]{4}){5}\b|\b[A-Z]{32}\b|\b[a-f]{8}\b"
_SAME_EVERYWHERE = re.compile(rf"\S*[@/_=]\S*|\b[a-z]+\.[a-z]+:|\S*\d\S*|{_RANDOM}|\b[A-Z]{{2,5}}\b|•••")


class _Texts(HTMLParser):
    """The texts of a page that somebody sees or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NOT_READ:
            self._within.append(tag)
        self.found += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within and data.strip():
            self.found.append(data.strip())


async def _data(session: AsyncSession) -> set[str]:
    """Every word of the texts that the database holds, but for the codes."""
    found: set[str] = set()
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, (String, Text, ARRAY)) or "JSON" in type(column.type).__name__:
                rows = await session.scalars(text(f"SELECT {column.name}::text FROM {table.name}"))
                found |= {value for value in rows if value}
    return {word for value in found if not re.fullmatch(r"[a-z_]+", value) for word in _WORD.findall(value)}


def _known() -> set[str]:
    locale = Locale.parse("en")
    named = [*locale.territories.values(), *locale.languages.values(), *available_timezones(), *calendar.month_abbr]
    return {word for name in named for word in _WORD.findall(str(name))} | OURS


KNOWN = _known()
OPEN = {
    (): 0,
    ("navigator", "liaison", "programme_manager", "data_steward"): 21,
    ("privacy_officer", "admin"): 20,
    ("auditor",): 13,
}
"""By the roles of the reader: how many texts are not marked yet. These numbers only become smaller."""


def _unmarked(page: str, data: set[str]) -> Iterator[str]:
    parser = _Texts()
    parser.feed(page)
    for said in parser.found:
        words = _WORD.findall(_SAME_EVERYWHERE.sub(" ", said))
        if any(_PLAIN.search(word) and word not in data and word not in KNOWN for word in words):
            yield said


@pytest.mark.parametrize(
    "random", ["P-EGMDVESV", "ugcd-adbf-wqom-hgcx-cxff-cvnl", "JBSWYDPEHPKPXPJBSWYDPEHPKPXPJBSW", "abcdefab"]
)
def test_what_is_made_at_random_of_letters_alone_is_no_text(random: str) -> None:
    assert not list(_unmarked(f"<p>{random}</p>", set()))
    assert list(_unmarked(f"<p>{random} unmarked</p>", set()))


@pytest.mark.long
@pytest.mark.parametrize(
    "roles",
    OPEN,
    ids=lambda roles: "+".join(roles) or "nobody",
)
async def test_every_text_of_every_page_is_marked(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, roles: tuple[str, ...]
) -> None:
    world = await a_world(session)
    transport = httpx.ASGITransport(app=create_app(settings, bound), client=("127.0.0.1", 1))
    headers = {"accept": "text/html", "origin": "http://test", "accept-language": PSEUDO}
    found: dict[str, str] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
        walk = await _walk(browser, bound, session, settings, world, *roles)
        data = await _data(session)
        for method, route in PAGES:
            if route.path.startswith(LEFT_OUT):
                continue
            walk.ids["record_id"] = (
                str(world.by_path.get(route.path.split("/")[2], world.person_id))
                if (route.path.startswith("/history/"))
                else str(world.person_id)
            )
            asked = ASKED_BY_ADDRESS[route.path] if method == "GET" else ASKED_BY_FORM[route.path]
            for sent in asked:
                answers = await walk.ask(method, route, sent, {})
                for answer in answers:
                    if "text/html" in answer.headers.get("content-type", ""):
                        found |= dict.fromkeys(_unmarked(answer.text, data), f"{method} {route.path}")
    assert len(found) <= OPEN[roles], sorted(found)
