"""What arrived for an existing person that is not what we have: pure, so that nothing can be written on the way."""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from app.people.keys import phone_e164
from app.people.names import JOINERS, PEOPLE, Name, fold_name, name_of
from app.people.time_zones import canonical_zone

NAME_FIELDS = ("first_name", "last_name")


_NO_SUGGESTION: Final = frozenset({"email", "do_not_contact_channels"})
"""An address that finds a person is theirs already; opt-outs grow at once."""


def differing_fields(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], *, known_phones: Collection[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """
    The fields of `theirs` with another value than ours, as (ours, theirs); ours may be empty.

    A field that did not arrive, or arrived empty, says nothing. Letter case alone is no difference, nor is a name with
    given and family name changed round, nor a phone number (`known_phones`, E.164) that the person is known to have.
    `email` and the opt-outs are never one.
    """
    differing = {
        field: (ours[field], value)
        for field, value in theirs.items()
        if field not in _NO_SUGGESTION and value not in (None, []) and not _same_value(ours[field], value)
    }
    if not theirs.keys().isdisjoint(NAME_FIELDS) and _is_turned_round(_name(ours), _name(theirs)):
        for field in NAME_FIELDS:
            differing.pop(field, None)
    if "time_zone" in differing and canonical_zone(ours["time_zone"] or "") == canonical_zone(theirs["time_zone"]):
        del differing["time_zone"]
    if theirs.get("phone"):
        if _is_known_phone(ours, theirs, known_phones):
            differing.pop("phone", None)
        else:
            differing["phone"] = (ours["phone"], theirs["phone"])
    return differing


def _is_known_phone(ours: Mapping[str, Any], theirs: Mapping[str, Any], known: Collection[str]) -> bool:
    """Whether the number is one that we have; the same text is another one in another country."""
    number = phone_e164(theirs["phone"], theirs.get("country") or ours["country"]).e164
    mine = ours.get("phone_e164")
    if number is not None and (mine is not None or number in known):
        return number == mine or number in known
    return _same_value(ours["phone"], theirs["phone"])


def _name(fields: Mapping[str, Any]) -> Name:
    return name_of(fields.get("first_name"), fields.get("last_name"))


def _same_value(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str) and isinstance(theirs, str):
        return _bare_case(ours) == _bare_case(theirs)
    if isinstance(ours, date) and isinstance(theirs, date):
        # A year says nothing more than a day of that year.
        return ours.isoformat().startswith(theirs.isoformat())
    return bool(ours == theirs)


def _bare_case(text: str) -> str:
    """Without case, joiners and the form of marks. Turkish has an i with a dot and one without, each with a capital."""
    low = unicodedata.normalize("NFC", text.replace("I\u0307", "i")).replace("İ", "i").replace("ı", "i").casefold()  # noqa: RUF001
    return "".join(c for c in unicodedata.normalize("NFC", low) if c not in JOINERS)


def _is_turned_round(ours: Name, theirs: Name) -> bool:
    a, b = fold_name(ours, PEOPLE), fold_name(theirs, PEOPLE)
    return (a.given, a.family, a.generation) == (b.family, b.given, b.generation)
