"""
Phones as most people write them, read without the whole of `phonenumbers`, which takes many times as long.

The rules are its own: the patterns of a country are made of its metadata. What is read here comes out as there.
What is not gives None and is for `phonenumbers` to read: another writing, a number that no network has, a country that
keeps or changes a part of a prefix.
"""

import re
from functools import cache
from typing import Any, Final, NamedTuple

from phonenumbers.phonemetadata import PhoneMetadata
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

PLAIN: Final = re.compile(r"\+?[0-9][0-9 .()-]*[0-9]")
"""Digits with blanks, dots, dashes and round brackets between them; perhaps a `+` in front."""
_BETWEEN: Final = str.maketrans("", "", " .()-+")
_KINDS: Final = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")
_LONGEST_CODE: Final = 3
_NO_COUNTRY: Final = "001"
_TRUNK: Final = "0"


class _Plan(NamedTuple):
    """The numbers of a country: its calling code, those that are valid, and what may stand in front of one."""

    code: str
    valid: re.Pattern[str]
    leading: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    is_prefix_dropped: bool


def plain_e164(text: str, country: str | None) -> str | None:
    """The E.164 form of a number in a PLAIN writing, a national one of `country`; None where it is not told here."""
    digits = text.translate(_BETWEEN)
    if text[0] == "+":
        return _international(digits)
    plan = _plan(country) if country else None
    if plan is None or (plan.abroad and plan.abroad.match(digits)):
        return None
    number = digits
    if plan.prefix and (found := plan.prefix.match(digits)):
        if not plan.is_prefix_dropped or found[0] != _TRUNK:
            return None
        number = digits[1:]
    elif digits.startswith(plan.code):
        return None
    if number[:1] in {"", _TRUNK}:
        return None
    return f"+{plan.code}{number}" if plan.valid.match(number) and _is_valid(plan.code, number) else None


def _international(digits: str) -> str | None:
    code = next((c for c in (digits[:n] for n in range(1, _LONGEST_CODE + 1)) if _countries(c)), None)
    if code is None:
        return None
    number, main = digits[len(code) :], _plan(_countries(code)[0])
    if main is None or number[:1] in {"", _TRUNK} or (main.prefix and main.prefix.match(number)):
        return None
    return f"+{digits}" if _is_valid(code, number) else None


def _is_valid(code: str, number: str) -> bool:
    """Whether the first of the countries of a code that the number can be of has it."""
    countries = _countries(code)
    for country in countries:
        plan = _plan(country)
        if plan is None:
            return False
        if len(countries) > 1 and plan.leading:
            if plan.leading.match(number):
                return bool(plan.valid.match(number))
        elif plan.valid.match(number):
            return True
    return False


@cache
def _countries(code: str) -> tuple[str, ...]:
    return tuple(COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())) if code and code[0] != _TRUNK else ()


@cache
def _plan(country: str) -> _Plan | None:
    """The plan of a country by its ISO code; None for one that is not known, or is no country."""
    data: Any = PhoneMetadata.metadata_for_region(country, None) if country != _NO_COUNTRY else None
    if data is None:
        return None
    kinds = [*_KINDS, "fixed_line", *(() if data.same_mobile_and_fixed_line_pattern else ("mobile",))]
    some = "|".join(filter(None, (_pattern(getattr(data, kind)) for kind in kinds)))
    prefix = re.compile(data.national_prefix_for_parsing) if data.national_prefix_for_parsing else None
    return _Plan(
        str(data.country_code),
        re.compile(rf"(?={_pattern(data.general_desc)})(?:{some})", re.ASCII),
        re.compile(data.leading_digits) if data.leading_digits else None,
        prefix,
        re.compile(data.international_prefix) if data.international_prefix else None,
        # Where a part of the prefix is kept or changed, it is not told here.
        prefix is None or (not prefix.groups and not data.national_prefix_transform_rule),
    )


def _pattern(kind: Any) -> str:
    """A pattern of the whole numbers of a kind; empty where a country has none."""
    if kind is None or not kind.national_number_pattern:
        return ""
    lengths = "|".join(f"[0-9]{{{length}}}" for length in kind.possible_length if length > 0)
    only = rf"(?=(?:{lengths})\Z)" if kind.possible_length else ""
    return rf"{only}(?:{kind.national_number_pattern})\Z"
