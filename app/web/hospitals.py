"""Hospitals: the list, and the page of one with its physicians."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.hospitals import queries, service
from app.hospitals.schemas import HospitalCreate, HospitalFilter, HospitalRead, HospitalUpdate
from app.physicians.queries import list_physicians
from app.physicians.schemas import PhysicianFilter, PhysicianRead
from app.platform.actor import Actor
from app.web.exports import add_export
from app.web.listing import Column, Listing, ListPage, View, add_list
from app.web.page_guard import page_router
from app.web.physicians import IN_USE
from app.web.things import Field, New, Thing, add_thing, beside
from app.web.words import country_name

router = page_router()

LIST = ListPage(
    path="/hospitals",
    title="Hospitals",
    permission="hospital.read",
    noun=("hospital", "hospitals"),
    order="by name",
    sort="name",
    question=HospitalFilter,
    find=queries.list_hospitals,
    answer=HospitalRead,
    key="hospital_id",
    columns=(
        Column("name", "Name", 0, "name", "name", "name"),
        Column("condition", "City", 0, "city"),
        Column("country", "Country", 1, "country", "country"),
        Column("address", "Address", 3, "address"),
        Column("status", "State", 0, "is_active", "in_use"),
    ),
    opens=("/hospitals/{hospital_id}",),
    filters=lambda seen: [IN_USE, seen.there("country", "Country", country_name)],
    views=lambda _seen: [View("Active", {"is_active": "true"}), View("All", {})],
    empty=("No hospitals yet", "A hospital is added here, or arrives through the API.", "building-hospital"),
    searches="name or city",
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
        Column("name", "Name", value="person", cell="person"),
        Column("condition", "Specialisation", 1, "specialization.name"),
        Column("job_title", "Job title", 2, "job_title"),
        Column("status", "State", 0, "is_active", "in_use"),
    )
    items = found.page(map(PhysicianRead.model_validate, found.rows))
    everyone = f"/physicians?hospital_id={hospital.hospital_id}"
    noun = ("physician", "physicians")
    return [beside("Physicians", noun, items, columns, "/physicians/{physician_id}", "physician_id", all_at=everyone)]


THING = Thing(
    path="/hospitals",
    key="hospital_id",
    noun="Hospital",
    place="Hospitals",
    history="hospitals",
    read_right="hospital.read",
    write_right="hospital.write",
    table="hospital",
    get=queries.get_hospital,
    read=HospitalRead.model_validate,
    facts=(
        Column("city", "City", value="city"),
        Column("country", "Country", value="country", cell="country"),
        Column("address", "Address", value="address"),
        Column("in_use", "State", value="is_active", cell="in_use"),
    ),
    fields=(
        Field("name", "Name", required=True),
        Field("city", "City"),
        Field("country", "Country", hint="A name, or a code of two letters."),
        Field("address", "Address"),
        Field("is_active", "In use", "yes_no"),
    ),
    update=HospitalUpdate,
    change=service.change_hospital,
    new=New(HospitalCreate, service.add_hospital),
    beside=_physicians,
)
add_thing(router, THING)
