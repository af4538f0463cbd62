"""What somebody sent in, line by line: known fields by their labels, any other under the name it came with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from app.calls.schemas import CallForPatient
from app.leads.schemas import LeadCreate
from app.patients.schemas import PatientCreate
from app.people.speakers import Speaker
from app.physicians.schemas import PhysicianOfNewPerson
from app.platform.locales import Message, _
from app.web.words import country_name, day_of_text, language_name, words

_LABELS: Final[Mapping[str, Message]] = {
    "said": _("In their words"),
    "condition": _("Condition, as written"),
    "medical_condition_id": _("Condition"),
    "first_contact_date": _("First contact"),
    "initial_consult_date": _("First consult"),
}
_OF_A_RECORD: Final = [
    name for model in (LeadCreate, Speaker, PatientCreate, PhysicianOfNewPerson) for name in model.model_fields
]
"""What is sent with a person: of a lead, of who speaks for somebody, of a patient, of a physician."""
_FIRST: Final = ("said", "condition", "medical_condition_id", *_OF_A_RECORD, *CallForPatient.model_fields, "lead_id")
"""The fields that we know, in the order in which they are read; the database keeps none."""
_PLACES: Final = {name: place for place, name in reversed(list(enumerate(_FIRST)))}
_IN_RECORD: Final = {*_OF_A_RECORD} - {"landing_page_url"}
_HOLDS: Final = "person"
"""The field that holds those of the person: they need no further name."""
_TOLD: Final[Mapping[str, Callable[[str], object]]] = {
    "country": country_name,
    "language": language_name,
    "source": words,
    "gender": words,
    "status": words,
    "do_not_contact_channels": words,
    "relationship_type": words,
    "direction": words,
    "channel": words,
    "outcome": words,
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
    return sorted(found, key=lambda line: (_PLACES.get(line.name, len(_FIRST)), line.name))


def _lines(sent: Mapping[str, Any], within: str = "") -> Iterator[SentLine]:
    for name, value in sent.items():
        path = f"{within}{name}"
        if isinstance(value, Mapping):
            yield from _lines(value, "" if path == _HOLDS else f"{path}: ")
        elif value not in (None, "", []):
            label = _LABELS.get(path) or (words(path) if path in _PLACES else path)
            yield SentLine(path, str(label), _text(path, value), path in _IN_RECORD)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if isinstance(value, list):
        return ", ".join(_text(name, one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{line.label}: {line.text}" for line in _lines(value))
    return str(_TOLD.get(name, day_of_text if name in _PLACES else str)(str(value)))
