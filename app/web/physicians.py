"""Physicians: the list, and the page of one with those whom they treat."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.hospitals.queries import list_specializations
from app.hospitals.schemas import SpecializationFilter
from app.patients.care_team import answers as care_answers
from app.patients.care_team.queries import list_patients_of
from app.patients.care_team.schemas import CareLinkFilter
from app.physicians import queries, service
from app.physicians.schemas import PhysicianFilter, PhysicianRead, PhysicianUpdate
from app.platform.actor import Actor
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT
from app.web.exports import add_export
from app.web.listing import Column, Filter, Listing, ListPage, View, add_list
from app.web.page_guard import page_router
from app.web.things import Choices, Field, Thing, add_thing, beside

router = page_router()

IN_USE = Filter("is_active", _("In use"), [("true", _("Active")), ("false", _("Inactive"))])
LIST = ListPage(
    path="/physicians",
    title=_("Physicians"),
    permission="physician.read",
    noun=(_("physician"), _("physicians")),
    order=_("newest first"),
    sort="-created",
    question=PhysicianFilter,
    find=queries.list_physicians,
    answer=PhysicianRead,
    key="physician_id",
    columns=(
        Column("name", _("Name"), value="person", cell="person"),
        Column("condition", _("Hospital"), 1, "hospital.name"),
        Column("city", _("City"), 4, "hospital.city"),
        Column("specialization", _("Specialisation"), 2, "specialization.name"),
        Column("job_title", _("Job title"), 3, "job_title"),
        Column("created", _("Added"), 5, "created_at", "day_of", "created"),
        Column("status", _("State"), 0, "is_active", "in_use"),
    ),
    opens=("/physicians/{physician_id}",),
    filters=lambda seen: [
        IN_USE,
        Filter("hospital_id", _("Hospital"), _named({row.hospital for row in seen.rows}, "hospital_id")),
        Filter(
            "specialization_id",
            _("Specialisation"),
            _named({row.specialization for row in seen.rows}, "specialization_id"),
        ),
    ],
    views=lambda _seen: [View(_("Active"), {"is_active": "true"}), View(_("Everyone"), {})],
    empty=(_("No physicians yet"), _("A physician arrives through the API, or is linked to a patient."), "stethoscope"),
    searches=_("name, e-mail or phone"),
    search_right="person.search",
)
add_list(router, LIST)
add_export(router, LIST)


def _named(rows: set[Any], key: str) -> Choices:
    return sorted(((str(getattr(row, key)), row.name) for row in rows if row is not None), key=lambda one: one[1])


async def _patients(session: AsyncSession, actor: Actor, physician: Any) -> Sequence[Listing]:
    if not (actor.may("relationship.read") and actor.may("patient.read")):
        return []
    query = CareLinkFilter(is_current="true", limit=50)
    found = await list_patients_of(session, actor, physician_id=physician.physician_id, query=query)
    columns = (
        Column("name", _("Patient"), value="patient.person", cell="person"),
        Column("condition", _("Condition"), 1, "patient.medical_condition.name"),
        Column("part", _("Part"), 0, "relationship_type", "words"),
        Column("since", _("Since"), 3, "start_date", "day"),
    )
    items = found.page(map(care_answers.read_with_patient, found.rows))
    noun = (_("patient"), _("patients"))
    return [beside(_("Patients"), noun, items, columns, "/patients/{patient_id}", "patient_physician_id")]


async def _choices(session: AsyncSession, actor: Actor) -> Mapping[str, Choices]:
    """The specialisations in use."""
    query = SpecializationFilter(is_active="true", limit=MAX_LIMIT)
    specializations = await list_specializations(session, actor, query=query)
    return {"specialization_id": [(str(row.specialization_id), row.name) for row in specializations.rows]}


THING = Thing(
    path="/physicians",
    key="physician_id",
    noun=_("Physician"),
    place=_("Physicians"),
    history="physicians",
    read_right="physician.read",
    write_right="physician.write",
    table="physician",
    get=queries.get_physician,
    read=PhysicianRead.model_validate,
    title="person",
    facts=(
        Column("hospital", _("Hospital"), value="hospital.name"),
        Column("city", _("City"), value="hospital.city"),
        Column("specialization", _("Specialisation"), value="specialization.name"),
        Column("job_title", _("Job title"), value="job_title"),
        Column("licence", _("Licence number"), value="medical_license_number"),
        Column("in_use", _("State"), value="is_active", cell="in_use"),
    ),
    fields=(
        Field("hospital_id", _("Hospital"), "picker", picker="hospitals"),
        Field("specialization_id", _("Specialisation"), "select"),
        Field("job_title", _("Job title")),
        Field("medical_license_number", _("Licence number")),
        Field("is_active", _("In use"), "yes_no"),
    ),
    update=PhysicianUpdate,
    change=service.change_physician,
    tag=service.tag,
    beside=_patients,
    choices=_choices,
)
add_thing(router, THING)
