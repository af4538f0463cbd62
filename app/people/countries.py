"""
Which country a text names: an ISO code, an English name, or the name a country gives itself.

English names and codes are ISO 3166's, names in a country's own languages come from pycountry's catalogues;
data/countries.toml says which languages those are and adds what people write besides.
"""

import gettext
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pycountry

from app.people.names import fold_letters

_KOSOVO: Final = "XK"
"""Not in ISO 3166, but a code that everybody uses."""


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """
    The ISO code of two letters for a code or a name in English or the country's own language, or None.

    Case, marks, blanks and punctuation do not matter: `nl`, `U.S.A.`, `Espana` and `ΕΛΛΆΔΑ` are understood.
    """
    name = fold_letters(text)
    # Most send a code; the names, in every language, are read when somebody does not.
    return _codes().get(name) or _codes_by_name().get(name) or _codes_by_name().get(name.removeprefix("the"))


@lru_cache(maxsize=4096)
def country_meant(text: str) -> str | None:
    """
    The same, or the code of a country by its name in a language of Europe or of those who write to us: `Duitsland`.

    For what people send; the migration reads by `country_code`, as its contract says.
    """
    found = country_code(text)
    return found if found is not None else _codes_by_foreign_name().get(fold_letters(text))


def country_of_language(text: str) -> str | None:
    """The country that somebody may mean who sends a language's code: `en` GB. None for anything else."""
    found: str | None = _data()["of_language"].get(text.strip().lower())
    return found


@cache
def _codes() -> dict[str, str]:
    """Folded code of two or three letters -> code. What is a code of one country is never a name of another."""
    return {
        fold_letters(code): country.alpha_2
        for country in pycountry.countries
        for code in (country.alpha_2, country.alpha_3)
    } | {fold_letters(typed): code for typed, code in _data()["codes"].items()}


@cache
def _codes_by_name() -> Mapping[str, str]:
    """Folded name or code -> code; a name that two countries use names neither."""
    names: dict[str, str | None] = {}
    for country in pycountry.countries:
        for name in set(map(fold_letters, _names(country))) - {""}:
            taken = names.setdefault(name, country.alpha_2)
            if taken != country.alpha_2:
                names[name] = None
    names |= {fold_letters(name): _KOSOVO for name in _data()["aliases"][_KOSOVO]}
    return {name: code for name, code in names.items() if code is not None} | _codes()


@cache
def _codes_by_foreign_name() -> Mapping[str, str]:
    """Folded name in another language -> code; a name that two countries have names neither."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for language in _data()["elsewhere"]["languages"]:
        catalogue = _catalogue(language)
        for country in pycountry.countries:
            for name in _english(country):
                found[fold_letters(catalogue.gettext(name))].add(country.alpha_2)
    named = {name: codes.pop() for name, codes in found.items() if name and len(codes) == 1}
    called = _data()["elsewhere"]["aliases"]
    return named | {fold_letters(name): code for code, names in called.items() for name in names}


def _catalogue(language: str) -> gettext.GNUTranslations:
    # Not by gettext.translation, which keeps every catalogue for good: 5 MiB of each process.
    path = gettext.find("iso3166-1", pycountry.LOCALES_DIR, languages=[language])
    if path is None:
        raise LookupError(f"pycountry has no names of countries in {language}")
    with Path(path).open("rb") as file:
        return gettext.GNUTranslations(file)


def _english(country: Any) -> list[str]:
    return [name for kind in ("name", "common_name", "official_name") if (name := getattr(country, kind, None))]


def _names(country: Any) -> Iterator[str]:
    """What a country is called: in English, in its own languages, and as people write."""
    data = _data()
    english = _english(country)
    yield from english
    for language in data["languages"].get(country.alpha_2, ()):
        catalogue = _catalogue(language)
        yield from map(catalogue.gettext, english)
    yield from data["aliases"].get(country.alpha_2, ())


@cache
def _data() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(files("app.people").joinpath("data/countries.toml").read_text(encoding="utf-8"))
