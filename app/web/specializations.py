"""Specialisations of physicians: the list, and the page of one with its physicians."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.hospitals import queries, service
from app.hospitals.schemas import SpecializationCreate, SpecializationFilter, SpecializationRead, SpecializationUpdate
from app.physicians.queries import list_physicians
from app.physicians.schemas import PhysicianFilter, PhysicianRead
from app.platform.actor import Actor
from app.platform.locales import _
from app.web.exports import add_export
from app.web.listing import Column, Listing, ListPage, View, add_list
from app.web.page_guard import page_router
from app.web.physicians import IN_USE
from app.web.things import Field, New, Thing, add_thing, beside

router = page_router()

LIST = ListPage(
    path="/specializations",
    title=_("Specialisations"),
    permission="specialization.read",
    noun=(_("specialisation"), _("specialisations")),
    order=_("by name"),
    sort="name",
    question=SpecializationFilter,
    find=queries.list_specializations,
    answer=SpecializationRead,
    key="specialization_id",
    columns=(
        Column("name", _("Name"), 0, "name", "name", "name"),
        Column("description", _("Description"), 1, "description"),
        Column("status", _("State"), 0, "is_active", "in_use"),
    ),
    opens=("/specializations/{specialization_id}",),
    filters=lambda _seen: [IN_USE],
    views=lambda _seen: [View(_("Active"), {"is_active": "true"}), View(_("All"), {})],
    empty=(
        _("No specialisations yet"),
        _("A specialisation is added here, or arrives through the API."),
        "stethoscope",
    ),
    searches=_("name"),
    makes="specialization.write",
)
add_list(router, LIST)
add_export(router, LIST)


async def _physicians(session: AsyncSession, actor: Actor, specialization: Any) -> Sequence[Listing]:
    if not actor.may("physician.read"):
        return []
    about = specialization.specialization_id
    found = await list_physicians(session, actor, query=PhysicianFilter(specialization_id=about, limit=50))
    columns = (
        Column("name", _("Name"), value="person", cell="person"),
        Column("hospital", _("Hospital"), 1, "hospital.name"),
        Column("city", _("City"), 2, "hospital.city"),
        Column("status", _("State"), 0, "is_active", "in_use"),
    )
    items = found.page(map(PhysicianRead.model_validate, found.rows))
    everyone, noun = f"/physicians?specialization_id={about}", (_("physician"), _("physicians"))
    return [
        beside(_("Physicians"), noun, items, columns, "/physicians/{physician_id}", "physician_id", all_at=everyone)
    ]


THING = Thing(
    path="/specializations",
    key="specialization_id",
    noun=_("Specialisation"),
    place=_("Specialisations"),
    history="specializations",
    read_right="specialization.read",
    write_right="specialization.write",
    table="specialization",
    get=queries.get_specialization,
    read=SpecializationRead.model_validate,
    facts=(
        Column("description", _("Description"), value="description"),
        Column("in_use", _("State"), value="is_active", cell="in_use"),
    ),
    fields=(
        Field("name", _("Name"), required=True),
        Field("description", _("Description"), "text"),
        Field("is_active", _("In use"), "yes_no"),
    ),
    update=SpecializationUpdate,
    change=service.change_specialization,
    new=New(SpecializationCreate, service.add_specialization),
    beside=_physicians,
)
add_thing(router, THING)
