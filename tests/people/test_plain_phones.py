"""A phone in a plain writing is read without phonenumbers, and comes out as phonenumbers reads it."""

import random
from collections.abc import Iterator

import phonenumbers
import pytest

from app.people import keys
from app.people.plain_phones import PLAIN, plain_e164

_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_WRITINGS = (
    "+{c}{n}", "+{c} {n}", "{n}", "0{n}", "0 {n}", "1{n}", "8{n}", "00{c}{n}", "00{n}", "011{c}{n}", "{c}{n}",
    "+{c}0{n}", "+{c} (0){n}", "+{c}1{n}",
)  # fmt: skip


def _numbers_of(region: str, chance: random.Random) -> Iterator[tuple[str, str | None]]:
    """Numbers of every kind and slips of them, as somebody types them, with the country they are read by."""
    for kind in range(11):
        example = phonenumbers.example_number_for_type(region, kind)
        if not example:
            continue
        for _ in range(20):
            digits = list(phonenumbers.national_significant_number(example))
            for _ in range(chance.choice((0, 0, 0, 1, 2, 4, 7))):
                digits[chance.randrange(len(digits))] = str(chance.randrange(10))
            if chance.random() < 0.1:
                digits.insert(chance.randrange(len(digits)), str(chance.randrange(10)))
            elif chance.random() < 0.1:
                digits.pop()
            typed = chance.choice(_WRITINGS).format(c=example.country_code, n="".join(digits))
            if chance.random() < 0.4:
                place = chance.randrange(1, len(typed))
                typed = typed[:place] + chance.choice((" ", "-", ".", " (", ") ", "  ")) + typed[place:]
            yield typed, chance.choice((region, region, region, None, chance.choice(_REGIONS)))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_here_is_what_phonenumbers_reads(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same numbers each time
    told = 0
    for region in _REGIONS:
        for typed, country in _numbers_of(region, chance):
            if not PLAIN.fullmatch(typed) or not (found := plain_e164(typed, country)):
                continue
            told += 1
            assert (found, None) == keys._e164_of_any(typed, country), (typed, country)
    # Else nothing would have been compared.
    assert told > 3_000


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("06-12345678", "NL", "+31612345678"),
        ("+31 6 12345678", None, "+31612345678"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("07100 123456", "GB", "+447100123456"),
        ("612 345 678", "ES", "+34612345678"),
        ("(201) 555-0123", "US", None),
        ("0612345678", None, None),
        ("06 1234", "NL", None),
        ("+999 123456789", None, None),
    ],
)
def test_the_usual_writings_are_read_here_and_the_others_are_not(
    typed: str, country: str | None, number: str | None
) -> None:
    found = plain_e164(typed, country) if PLAIN.fullmatch(typed) else None

    assert found == number
