"""The catalogues of translations say what the application says today, and say it whole."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from app.preferences.words import LANGUAGES
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


def test_no_translation_says_its_sentence_twice() -> None:
    texts = {
        text for language in LANGUAGES if language != "en" for m in _messages(language) for text in _texts(m.string)
    }
    halves = {text: len(text) // 2 for text in texts if len(text) > 20 and len(text) % 2 == 0}
    assert [text for text, half in halves.items() if text[:half] == text[half:]] == []


def test_dutch_keeps_no_english_word_of_a_date_or_a_record() -> None:
    """Dates are read in Dutch too (app/web/typed_dates.py), and a lead is an aanmelding."""
    english = re.compile(
        r"\b(today|tomorrow|yesterday|mon|tue|wed|thu|fri|weeks|leads?|specialisaties?|records?)\b", re.IGNORECASE
    )
    told = [_PLACE.sub("", text) for message in _messages("nl") for text in _texts(message.string)]
    assert [text for text in told if english.search(text)] == []


def test_every_language_of_the_preferences_has_a_catalogue() -> None:
    assert [one for one in LANGUAGES if one != "en" and not Path(path_of(one)).exists()] == []
