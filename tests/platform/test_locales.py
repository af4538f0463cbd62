"""What a sentence is to programs and to its reader, and how days and numbers are written."""

import json
from datetime import date
from gettext import NullTranslations

import pytest
from markupsafe import Markup, escape

from app.platform import locales
from app.platform.locales import Number, _, chosen_language, ngettext, read_in


class _Dutch(NullTranslations):
    def gettext(self, message: str) -> str:
        return {"Saved": "Opgeslagen", "%(what)s by <b>": "<b> van %(what)s", "Lead": "Aanmelding"}.get(
            message, message
        )

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002 - gettext's signature
        return "één" if n == 1 else "%(count)s keer"


@pytest.fixture(autouse=True)
def _dutch(monkeypatch: pytest.MonkeyPatch) -> None:
    known = locales.translations
    monkeypatch.setattr(locales, "translations", lambda code: _Dutch() if code == "nl" else known(code))


def test_a_sentence_is_english_to_programs_and_in_the_language_of_its_reader() -> None:
    saved = _("Saved")
    with read_in("nl"):
        assert saved == "Saved"
        assert json.dumps(saved) == '"Saved"'
        assert (str(saved), f"{saved}!", "%s" % saved) == ("Opgeslagen", "Opgeslagen!", "Opgeslagen")  # noqa: UP031
    assert str(saved) == "Saved"


def test_a_page_gets_a_sentence_in_its_language_with_everything_escaped() -> None:
    sentence = _("%(what)s by <b>", what=_("Lead"))
    with read_in("nl"):
        assert escape(sentence) == Markup("&lt;b&gt; van Aanmelding")
    assert sentence == "Lead by <b>"


def test_a_number_chooses_the_words_and_is_written_as_its_reader_does() -> None:
    with read_in("nl"):
        assert [str(ngettext("once", "%(count)s times", count)) for count in (1, 12480)] == ["één", "12.480 keer"]
    assert ngettext("once", "%(count)s times", 12480) == "12,480 times"
    assert f"{Number(12480)}" == "12,480"


@pytest.mark.parametrize(
    ("language", "day", "of_year", "month", "number"),
    [
        ("en", "4 Nov 2026", "4 Nov", "Nov 2026", "12,480.5"),
        ("nl", "4 nov 2026", "4 nov", "nov 2026", "12.480,5"),
        ("de", "4. Nov. 2026", "4. Nov.", "Nov. 2026", "12.480,5"),
        ("fr", "4 nov. 2026", "4 nov.", "nov. 2026", "12\u202f480,5"),
        ("es", "4 nov 2026", "4 nov", "nov 2026", "12.480,5"),
    ],
)
def test_a_day_has_its_month_in_letters(language: str, day: str, of_year: str, month: str, number: str) -> None:
    then = date(2026, 11, 4)
    with read_in(language):
        assert locales.day_written(then) == day
        assert locales.day_of_year(then) == of_year
        assert locales.month_written(then) == month
        assert locales.number_text(12480.5) == number


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"), ("nl", "nl"), ("nl-BE,nl;q=0.9", "nl"), ("de,nl;q=0.5", "nl"), ("en;q=0.2,nl;q=0.7", "nl"),
        ("nl;q=0", "en"), ("fr", "en"), ("x;q=y,nl", "nl"), ("*", "en"), ("nl," * 10_000, "nl"),
    ],
)  # fmt: skip
def test_the_language_is_the_first_of_ours_that_a_browser_asks_for(accepted: str, chosen: str) -> None:
    assert chosen_language(accepted, ("en", "nl"), "en") == chosen
