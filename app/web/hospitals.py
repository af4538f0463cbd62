"""Hospitals: the list, and the page of one with its physicians."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.hospitals import queries, service
from app.hospitals.schemas import HospitalCreate, HospitalFilter, HospitalRead, HospitalUpdate
from app.physicians.queries import list_physicians
from app.physicians.schemas import PhysicianFilter, PhysicianRead
from app.platform.actor import Actor
from app.platform.locales import _
from app.web.exports import add_export
from app.web.listing import Column, Filter, Listing, ListPage, View, add_list
from app.web.page_guard import page_router
from app.web.physicians import IN_USE
from app.web.things import Field, New, Thing, add_thing, beside
from app.web.words import countries_by_name

router = page_router()

LIST = ListPage(
    path="/hospitals",
    title=_("Hospitals"),
    permission="hospital.read",
    noun=(_("hospital"), _("hospitals")),
    order=_("by name"),
    sort="name",
    question=HospitalFilter,
    find=queries.list_hospitals,
    answer=HospitalRead,
    key="hospital_id",
    columns=(
        Column("name", _("Name"), 0, "name", "name", "name"),
        Column("condition", _("City"), 0, "city"),
        Column("country", _("Country"), 1, "country", "country"),
        Column("address", _("Address"), 3, "address"),
        Column("status", _("State"), 0, "is_active", "in_use"),
    ),
    opens=("/hospitals/{hospital_id}",),
    filters=lambda seen: [
        IN_USE,
        Filter(
            "country",
            _("Country"),
            countries_by_name([*(row.country for row in seen.rows), seen.typed.get("country")]),
        ),
    ],
    views=lambda _seen: [View(_("Active"), {"is_active": "true"}), View(_("All"), {})],
    empty=(_("No hospitals yet"), _("A hospital is added here, or arrives through the API."), "building-hospital"),
    searches=_("name or city"),
    makes="hospital.write",
)
add_list(router, LIST)
add_export(router, LIST)


async def _physicians(session: AsyncSession, actor: Actor, hospital: Any) -> Sequence[Listing]:
    if not actor.may("physician.read"):
        return []
    query = PhysicianFilter(hospital_id=hospital.hospital_id, limit=50)
    found = await list_physicians(session, actor, query=query)
    columns = (
        Column("name", _("Name"), value="person", cell="person"),
        Column("condition", _("Specialisation"), 1, "specialization.name"),
        Column("job_title", _("Job title"), 2, "job_title"),
        Column("status", _("State"), 0, "is_active", "in_use"),
    )
    items = found.page(map(PhysicianRead.model_validate, found.rows))
    everyone = f"/physicians?hospital_id={hospital.hospital_id}"
    noun = (_("physician"), _("physicians"))
    return [
        beside(_("Physicians"), noun, items, columns, "/physicians/{physician_id}", "physician_id", all_at=everyone)
    ]


THING = Thing(
    path="/hospitals",
    key="hospital_id",
    noun=_("Hospital"),
    place=_("Hospitals"),
    history="hospitals",
    read_right="hospital.read",
    write_right="hospital.write",
    table="hospital",
    get=queries.get_hospital,
    read=HospitalRead.model_validate,
    facts=(
        Column("city", _("City"), value="city"),
        Column("country", _("Country"), value="country", cell="country"),
        Column("address", _("Address"), value="address"),
        Column("in_use", _("State"), value="is_active", cell="in_use"),
    ),
    fields=(
        Field("name", _("Name"), required=True),
        Field("city", _("City")),
        Field("country", _("Country"), hint=_("A name, or a code of two letters.")),
        Field("address", _("Address")),
        Field("is_active", _("In use"), "yes_no"),
    ),
    update=HospitalUpdate,
    change=service.change_hospital,
    new=New(HospitalCreate, service.add_hospital),
    beside=_physicians,
)
add_thing(router, THING)
