"""Medical conditions: the list, and the page of one with its other names, its codes and how many have it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import masked_classes_of
from app.conditions import answers, queries, service
from app.conditions.schemas import ConditionCreate, ConditionFilter, ConditionRead, ConditionUpdate
from app.leads.queries import list_leads
from app.leads.schemas import LeadFilter
from app.patients.queries import list_patients
from app.patients.schemas import PatientFilter
from app.platform.actor import Actor
from app.platform.locales import _
from app.platform.paging import Found, Page
from app.web.exports import add_export
from app.web.listing import Column, Listing, ListPage, View, add_list
from app.web.page_guard import page_router
from app.web.physicians import IN_USE
from app.web.things import Field, New, Thing, add_thing, beside

router = page_router()

LIST = ListPage(
    path="/conditions",
    title=_("Conditions"),
    permission="condition.read",
    noun=(_("condition"), _("conditions")),
    order=_("by name"),
    sort="name",
    question=ConditionFilter,
    find=queries.list_conditions,
    answer=ConditionRead,
    read=answers.read,
    key="medical_condition_id",
    columns=(
        Column("name", _("Name"), 0, "name", "name", "name"),
        Column("abbreviation", _("Abbreviation"), 1, "abbreviation"),
        Column("condition", _("Also called"), 2, "synonyms", "list"),
        Column("status", _("State"), 0, "is_active", "in_use"),
    ),
    opens=("/conditions/{medical_condition_id}",),
    filters=lambda _seen: [IN_USE],
    views=lambda _seen: [View(_("Active"), {"is_active": "true"}), View(_("All"), {})],
    empty=(
        _("No conditions yet"),
        _("A condition is added here, or with the curated list of the setup."),
        "report-medical",
    ),
    searches=_("name, abbreviation or synonym"),
    makes="condition.write",
)
add_list(router, LIST)
add_export(router, LIST)


async def _who_has_it(session: AsyncSession, actor: Actor, condition: Any) -> Sequence[Listing]:
    """How many patients and leads have the condition; those who see health masked are not told."""
    counted: list[tuple[str, tuple[str, str], str, Found[Any]]] = []
    about = condition.medical_condition_id
    if actor.may("patient.read") and "health" not in masked_classes_of(actor.roles, "patient.read"):
        patients = await list_patients(session, actor, query=PatientFilter(medical_condition_id=about, limit=1))
        counted.append((_("Patients"), (_("patient"), _("patients")), "/patients", patients))
    if actor.may("lead.read") and "health" not in masked_classes_of(actor.roles, "lead.read"):
        leads = await list_leads(session, actor, query=LeadFilter(medical_condition_id=about, limit=1))
        counted.append((_("Leads"), (_("lead"), _("leads")), "/leads", leads))
    return [
        beside(
            title,
            noun,
            Page[Any](
                items=[],
                next_cursor=None,
                total=found.total,
                total_is_capped=found.total_is_capped,
            ),
            (),
            "",
            "",
            all_at=f"{place}?medical_condition_id={about}",
        )
        for title, noun, place, found in counted
    ]


THING = Thing(
    path="/conditions",
    key="medical_condition_id",
    noun=_("Condition"),
    place=_("Conditions"),
    history="medical-conditions",
    read_right="condition.read",
    write_right="condition.write",
    table="medical_condition",
    get=queries.get_condition,
    read=answers.read,
    facts=(
        Column("abbreviation", _("Abbreviation"), value="abbreviation"),
        Column("synonyms", _("Also called"), value="synonyms", cell="lines"),
        Column("codes", _("Codes"), value="codes", cell="codes"),
        Column("description", _("Description"), value="description"),
        Column("in_use", _("State"), value="is_active", cell="in_use"),
    ),
    fields=(
        Field("name", _("Name"), required=True),
        Field("abbreviation", _("Abbreviation")),
        Field("synonyms", _("Also called"), "lines", hint=_("One name a line.")),
        Field("description", _("Description"), "text"),
        Field("is_active", _("In use"), "yes_no"),
    ),
    update=ConditionUpdate,
    change=service.change_condition,
    new=New(ConditionCreate, service.add_condition),
    beside=_who_has_it,
)
add_thing(router, THING)
