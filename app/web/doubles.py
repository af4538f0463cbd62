"""The list of records that stand beside another one of the same name or number, for those who see that it is mended."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.conditions.models import ConditionSynonym, MedicalCondition
from app.journeys.eap.models import EapJourney
from app.oversight.doubles import KINDS, list_doubles
from app.oversight.schemas import DoubleFilter, DoubleRead, DoubleRecord
from app.patients.models import Patient
from app.people.models import Person
from app.people.schemas import PersonRead
from app.physicians.models import Physician
from app.platform.locales import _
from app.web.listing import Column, Filter, ListPage, add_list
from app.web.page_guard import page_router
from app.web.words import words

router = page_router()

PLACES = {
    "hospital": "/hospitals",
    "specialization": "/specializations",
    "medical_condition": "/conditions",
    "condition_synonym": "/conditions",
    "eap_program": "/programmes",
    "eap_journey": "/history/eap-journeys",
    "physician": "/physicians",
}
"""Where a record is mended."""


@dataclass(frozen=True)
class Pair:
    """A record and the one that it is the same as: each a name or a person, and where it is mended."""

    name: str | None
    person: PersonRead | None
    href: str | None
    other_name: str | None
    other_person: PersonRead | None
    other_href: str | None


async def _pairs(session: AsyncSession, doubles: Sequence[DoubleRead]) -> Mapping[UUID, Pair]:
    shown: dict[UUID, str | PersonRead] = {}
    for kind in KINDS:
        of_kind = [one for one in doubles if one.record_type == kind.record_type]
        if of_kind:
            shown |= await _named(
                session, kind.model, {key for one in of_kind for key in (one.record_id, one.same_as_id)}
            )
    return {one.double_id: _pair(one, shown) for one in doubles}


async def _named(session: AsyncSession, model: Any, keys: Collection[UUID]) -> dict[UUID, str | PersonRead]:
    """How these records are called: things by their name, the records of people by who they are."""
    if model is Physician:
        of_people = select(Physician.physician_id, Person).join(Person).where(Physician.physician_id.in_(keys))
    elif model is EapJourney:
        of_people = (
            select(EapJourney.eap_journey_id, Person)
            .join(Patient, Patient.patient_id == EapJourney.patient_id)
            .join(Person, Person.person_id == Patient.person_id)
            .where(EapJourney.eap_journey_id.in_(keys))
        )
    else:
        thing: Any = MedicalCondition if model is ConditionSynonym else model
        key = inspect(thing).primary_key[0]
        rows = await session.execute(select(key, thing.name).where(key.in_(keys)))
        return {row[0]: row[1] for row in rows}
    return {key: PersonRead.model_validate(person) for key, person in await session.execute(of_people)}


def _pair(double: DoubleRead, shown: Mapping[UUID, str | PersonRead]) -> Pair:
    own, other = shown[double.record_id], shown[double.same_as_id]
    place = PLACES.get(double.record_type)
    return Pair(
        name=double.name if double.name is not None else (own if isinstance(own, str) else None),
        person=own if isinstance(own, PersonRead) else None,
        href=f"{place}/{double.record_id}" if place else None,
        other_name=other if isinstance(other, str) else None,
        other_person=other if isinstance(other, PersonRead) else None,
        other_href=f"{place}/{double.same_as_id}" if place else None,
    )


LIST = ListPage(
    path="/doubles",
    title=_("Doubles"),
    permission="fault.read",
    noun=(_("record"), _("records")),
    order=_("by kind"),
    sort="",
    question=DoubleFilter,
    find=list_doubles,
    answer=DoubleRead,
    read=lambda row: row,
    key="double_id",
    columns=(
        Column("name", _("Record"), 0, "name", "double"),
        Column("kind", _("Kind"), 1, "record_type", "words"),
        Column("same", _("Is the same as"), 0, "same_as_id", "double_of"),
    ),
    opens=(),
    filters=lambda _seen: [
        Filter("record_type", _("Kind"), [(code, words(code)) for code in get_args(DoubleRecord)]),
    ],
    beside=_pairs,
    note=_(
        "Each stands beside another record of the same name or number. It leaves the list when one of the two gets a "
        "name or number of its own; physicians of one licence, when somebody has decided whether they are one human."
    ),
    empty=(
        _("Nothing is there twice"),
        _("No record stands beside another one of the same name or number."),
        "shield-check",
    ),
)
add_list(router, LIST)
