"""What somebody sent in, line by line: known fields by their labels, any other under the name it came with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from app.leads.schemas import LeadCreate
from app.people.schemas import PersonCreate
from app.platform.locales import Message, _
from app.web.words import country_name, language_name, words

_LABELS: Final[Mapping[str, Message]] = {
    "said": _("In their words"),
    "condition": _("Condition, as written"),
    "medical_condition_id": _("Condition"),
}
_FIRST: Final = (*_LABELS, *LeadCreate.model_fields, *PersonCreate.model_fields)
"""The fields that we know, in the order in which they are read; the database keeps none."""
_IN_RECORD: Final = {*LeadCreate.model_fields, *PersonCreate.model_fields} - {"landing_page_url"}
_HOLDS: Final = "person"
"""The field that holds those of the person: they need no further name."""
_TOLD: Final[Mapping[str, Callable[[str], object]]] = {
    "country": country_name,
    "language": language_name,
    "source": words,
    "gender": words,
    "status": words,
    "do_not_contact_channels": words,
}


class SentLine(NamedTuple):
    """
    A line of what was sent: by which name it came, its label, and the value as text.

    `is_in_record`: the lead or the person has such a field, which shows or suggests the value.
    """

    name: str
    label: str
    text: str
    is_in_record: bool


def sent_lines(payload: Mapping[str, Any]) -> list[SentLine]:
    """What a submission says, the known fields first; what was left empty is left out."""
    found = list(_lines(payload))
    place = {name: number for number, name in enumerate(_FIRST)}
    return sorted(found, key=lambda line: (place.get(line.name, len(place)), line.name))


def _lines(sent: Mapping[str, Any], within: str = "") -> Iterator[SentLine]:
    for name, value in sent.items():
        path = f"{within}{name}"
        if isinstance(value, Mapping):
            yield from _lines(value, "" if path == _HOLDS else f"{path}: ")
        elif value not in (None, "", []):
            label = _LABELS.get(path) or (words(path) if path in _FIRST else path)
            yield SentLine(path, str(label), _text(path, value), path in _IN_RECORD)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if isinstance(value, list):
        return ", ".join(_text(name, one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{line.label}: {line.text}" for line in _lines(value))
    return str(_TOLD.get(name, str)(str(value)))
