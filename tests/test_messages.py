"""The catalogues of translations say what the application says today, and say it whole."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from app.access.request_guard import GuardedRoute
from app.access.serving import kind_of_record
from app.main import create_app
from app.models import metadata
from app.oversight.words import kind_of_record as told_of_record
from app.platform.settings import Settings
from app.preferences.words import LANGUAGES
from app.web.page_guard import PageRoute
from app.web.words import words
from tests.printed import ROOT
from tools.messages import catalogues, path_of

_PLACE = re.compile(r"%\(\w+\)s|%%|<[^>]*>")


def _messages(language: str) -> list[Message]:
    with path_of(language).open("rb") as file:
        return [message for message in read_po(file, locale=language) if message.id]


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, (list, tuple)) else [str(value)]


def test_the_catalogues_are_up_to_date() -> None:
    """`make messages` brings them there."""
    old = [path.name for path, content in catalogues() if not path.exists() or path.read_bytes() != content]
    assert old == []


def test_dutch_is_complete() -> None:
    missing = [message.id for message in _messages("nl") if not all(_texts(message.string)) or message.fuzzy]
    assert missing == []


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_a_translation_has_the_values_and_tags_of_its_sentence(language: str) -> None:
    different = []
    for message in _messages(language):
        expected = {frozenset(_PLACE.findall(text)) for text in _texts(message.id)}
        told = [text for text in _texts(message.string) if text]
        different += [message.id for text in told if frozenset(_PLACE.findall(text)) not in expected]
    assert different == []


def test_no_translation_says_its_sentence_more_than_once() -> None:
    texts = {
        text for language in LANGUAGES if language != "en" for m in _messages(language) for text in _texts(m.string)
    }
    assert [text for text in texts if re.fullmatch(r"(.{10,}?)\1+", text, re.DOTALL)] == []


def test_dutch_keeps_no_english_word_of_a_date_or_a_record() -> None:
    """Dates are read in Dutch too (app/web/typed_dates.py), and a lead is an aanmelding."""
    english = re.compile(
        r"\b(today|tomorrow|yesterday|mon|tue|wed|thu|fri|weeks|leads?|specialisaties?|records?)\b", re.IGNORECASE
    )
    told = [_PLACE.sub("", text) for message in _messages("nl") for text in _texts(message.string)]
    assert [text for text in told if english.search(text)] == []


def test_dutch_addresses_its_reader_as_u() -> None:
    familiar = re.compile(r"\b(je|jij|jou|jouw|jouwe|jullie|jezelf)\b", re.IGNORECASE)
    told = [text for message in _messages("nl") for text in _texts(message.string)]
    assert [text for text in told if familiar.search(text)] == []


OF_COMMANDS = {"legacy_run", "legacy_compat"}
"""Kinds of record that commands write into the trail by SQL."""
ABOUT_NOBODY = OF_COMMANDS | {
    "account_preference", "api-keys", "api_key", "contact-types", "contact_type", "eap-programs", "feeds",
    "index_set_aside", "views", "web_session", "working_week",
}  # fmt: skip
"""Kinds of record whose events name no person."""


def _kinds_of_record() -> set[str]:
    """What an audit event may name as its record: a table, the first part of an address, what a request notes."""
    routes = [one for one in create_app(Settings()).routes if isinstance(one, (GuardedRoute, PageRoute))]
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py")]
    noted = {kind for source in sources for kind in re.findall(r"\brecord_type=\"(\w+)\"", source)}
    return {*metadata.tables, *(kind_of_record(route.path) for route in routes), *noted, *OF_COMMANDS}


def test_pages_have_one_name_for_each_kind_of_journey() -> None:
    """That of the glossary: a CT journey, an EAP journey."""
    others = re.compile(
        r"(?:trial|programme|expanded-access)[ -]journey|(?-i:Ct|Eap) journey"
        r"|(?:studie|programma|expanded-access-)traject",
        re.IGNORECASE,
    )
    found = [
        text
        for message in _messages("nl")
        if any(place.startswith("app/web/") for place, _line in message.locations)
        for text in (*_texts(message.id), *_texts(message.string))
        if others.search(text)
    ]
    assert found == []


def test_every_kind_of_record_of_the_trail_has_its_words_in_dutch() -> None:
    """In the trail, and in the report for a person, which has words of its own for some."""
    kinds, translated = _kinds_of_record(), {str(message.id): message.string for message in _messages("nl")}
    assert {"availability", "working_week", "start"} <= kinds
    assert [kind for kind in sorted(kinds) if not translated.get(str(words(kind)))] == []
    told = {kind: str(told_of_record(kind)) for kind in kinds - ABOUT_NOBODY}
    assert [kind for kind, text in told.items() if not translated.get(text)] == []


def test_every_language_of_the_preferences_has_a_catalogue() -> None:
    assert [one for one in LANGUAGES if one != "en" and not Path(path_of(one)).exists()] == []
