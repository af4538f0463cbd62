"""The list of leads and the page of one: taken, moved, converted."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.casework.convert_lead import convert_lead as carry_out_conversion
from app.casework.convert_lead import first_contact_of
from app.casework.schemas import Conversion, TimelineQuery
from app.leads import answers, queries, service
from app.leads.attempts import Policy, attempts_at, attempts_read
from app.leads.schemas import LeadFilter, LeadRead, LeadTransition, LeadUpdate
from app.leads.states import DISQUALIFICATION_REASONS, LEAD
from app.patients import answers as patient_answers
from app.patients.queries import find_patient_of_person
from app.people.queries import find_submission, list_suggested_changes
from app.people.schemas import PersonRead, SubmissionRead, SuggestedChangeFilter, SuggestedChangeRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound
from app.platform.locales import _
from app.platform.settings import Settings
from app.platform.text import Body, Id
from app.web.about import LEADS
from app.web.bulk import add_bulk
from app.web.exports import add_export
from app.web.forms import asked_in, read_form, read_query, typed_in
from app.web.listing import BY_PERSON, Bulk, Column, Filter, ListPage, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.people import ABOUT, COMPARED, alike, around, look_for_alike, signs_of
from app.web.pickers import OWNERS_OF_LEADS, OWNERS_OF_PATIENTS, PEOPLE, Choice, Picked, picked, standing
from app.web.render import Flash, page, wanted_block
from app.web.side_effects import how_to_report
from app.web.undoing import Version, undo_at, undone
from app.web.words import countries_by_name, words

router = page_router()

_SUGGESTED = 20
"""So many suggested changes a conversion shows; the record page shows them all."""
_SHOWN_RIGHTS = (
    "call.create",
    "call.write",
    "lead.write",
    "lead.convert",
    "suggestion.decide",
    "task.write",
    "note.write",
    "person.write",
)


class OwnerChosen(Body):
    """Who owns the patient that a conversion makes; null is nobody."""

    owner_id: Id | None = None


LIST = ListPage(
    path="/leads",
    title=_("Leads"),
    permission="lead.read",
    noun=(_("lead"), _("leads")),
    order=_("newest first"),
    sort="-created",
    question=LeadFilter,
    find=queries.list_leads,
    answer=LeadRead,
    read=lambda row: answers.read(row, clock.now()),
    key="lead_id",
    columns=(
        Column("name", _("Name"), value="person", cell="person"),
        Column("condition", _("Condition"), 1, "medical_condition.name"),
        Column("status", _("Status"), 2, "status", "status"),
        Column("came_in", _("Came in"), 0, "created_at", "moment", "created"),
        Column("source", _("Source"), 4, "source", "words"),
        Column("owner", _("Owner"), 3, "owner_id", "owner"),
        Column("wakes_up", _("Wakes up"), 5, "wake_up_on", "day"),
    ),
    opens=("/leads/{lead_id}",),
    filters=lambda seen: [
        Filter("status", _("Status"), [(word, words(word)) for word in LEAD.filter_words()]),
        seen.owner(),
        Filter("country", _("Country"), countries_by_name([seen.typed.get("country")])),
        seen.there("source", _("Source")),
    ],
    views=lambda seen: [
        View(_("New"), {"status": "new"}),
        View(_("Mine"), seen.mine(), empty=_("You own no leads yet")),
        View(_("Nobody's"), {"owner": "nobody", "status": "new"}),
        View(_("Nurture"), {"status": "nurture"}),
        View(_("Everyone"), {}),
    ],
    empty=(_("No leads yet"), _("A lead is made when somebody asks for help by a form or the API."), "inbox"),
    bulk=Bulk(
        permission="lead.write",
        owners_work="lead.write",
        picker="leads-to",
        table="patient_lead",
        get=queries.get_lead,
        lock=queries.lock_leads,
        update=LeadUpdate,
        change=service.change_lead,
        undo=service.undo_change,
        moves=[(word, words(word)) for word in ("contacting", "unreachable")],
    ),
    owner_picker=OWNERS_OF_LEADS,
    searches=BY_PERSON,
    makes="lead.create",
    makes_at="/callers/new",
    search_right="person.search",
)
add_list(router, LIST)
add_export(router, LIST)
add_bulk(router, LIST)


@router.get("/leads/{lead_id}", dependencies=[allow("lead.read")])
async def show_lead(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    return page(request, "leads/record.html", await record_context(request, session, actor, lead_id))


async def record_context(request: Request, session: AsyncSession, actor: Actor, lead_id: UUID) -> dict[str, Any]:
    """What the record page shows; a part of it only what stands under About."""
    query = read_query(request, TimelineQuery, asked_in(request, TimelineQuery))
    lead = await queries.get_lead(session, actor, lead_id=lead_id)
    service.note(session, lead)
    audit.note(session, subject=lead.person_id)
    person, person_id, owner_id = lead.person, lead.person_id, lead.owner_id
    submission = await find_submission(session, intake_submission_id=lead.intake_submission_id)
    shown: dict[str, Any] = {
        **NO_ERRORS,
        "lead": answers.read(lead, clock.now()),
        "person": PersonRead.model_validate(person),
        # In a list, so that outside the caseload it is masked and the lead still opens.
        "submissions": [SubmissionRead.model_validate(submission)] if submission else [],
        "here": f"/leads/{lead_id}",
        "may": {code: actor.may(code) for code in _SHOWN_RIGHTS},
    }
    is_part = wanted_block(request) == ABOUT
    if not is_part:
        settings: Settings = request.app.state.settings
        policy = Policy.of(settings)
        shown["attempts"] = None
        if actor.may("call.read"):
            tried = await attempts_at(session, lead, policy=policy, now=clock.now())
            shown["attempts"] = attempts_read(lead, tried, policy)
        shown["alike"] = await alike(session, actor, person_id=person_id)
    draft_at = (LEADS.kind, lead_id, "note") if actor.may("note.write") else None
    shown |= await around(
        session,
        actor,
        person=person,
        patient_id=None,
        owner_id=owner_id,
        query=query,
        draft_at=draft_at,
        is_part=is_part,
        asks_for_case=lead.converted_to_patient_id is None,
    )
    return shown | {"how_to_report": how_to_report(request, shown["managers"])}


@router.post("/leads/{lead_id}/take", dependencies=[allow("lead.write")])
async def take_lead(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    """The lead is one's own from now on."""
    await service.change_lead(session, actor, lead_id=lead_id, change=LeadUpdate(owner_id=actor.account_id))
    return go_to(request, f"/leads/{lead_id}", flash=Flash(_("The lead is yours.")))


@router.get("/leads/{lead_id}/move", dependencies=[allow("lead.write")])
async def show_lead_move(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    typed = dict.fromkeys(LeadTransition.model_fields, "") | {"to": request.query_params.get("to", "")[:64]}
    return page(request, "leads/move.html", {**await _move_context(session, actor, lead_id), "typed": typed})


@router.post("/leads/{lead_id}/move", dependencies=[allow("lead.write")])
async def move_lead(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    typed = await typed_in(request, LeadTransition)
    context = await _move_context(session, actor, lead_id)
    doubled, wrong = await picked(request, session, actor, PEOPLE, "duplicate_of_person_id")
    typed["duplicate_of_person_id"] = doubled.value
    # A page without a script shows the fields of every state.
    wrong = wrong if typed["to"] == "duplicate" else []
    needless = {"duplicate_of_person_id"} if typed["to"] != "duplicate" else set()
    given = {name: value for name, value in typed.items() if value != "" and name not in needless}
    try:
        step = read_form(LeadTransition, given, zone=request.state.frame.zone, wrong=wrong).step()
        async with known_errors(request, session):
            moved = await service.move_lead(session, actor, lead_id=lead_id, step=step)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "leads/move.html", {**context, "typed": typed, "doubled": doubled}, error)
    said = _("Moved to %(status)s.", status=words(moved.status).lower())
    if not service.is_undoable(context["lead"].status, moved.status):
        final = _("No button undoes this.")
        return go_to(request, f"/leads/{lead_id}", flash=Flash(" ".join(map(str, (said, final)))))
    undo = undo_at(f"/leads/{lead_id}/move", (context["lead"].version, moved.version))
    return go_to(request, f"/leads/{lead_id}", flash=Flash(said, undo=undo))


@router.post("/leads/{lead_id}/move/undo", dependencies=[allow("lead.write")])
async def undo_lead_move(
    request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID, since: Version = 0, until: Version = 0
) -> Response:
    """The move that one has just made is taken back, while nothing has changed the lead since."""
    undo = service.undo_change(session, actor, lead_id=lead_id, since=since, until=until)
    return go_to(request, f"/leads/{lead_id}", flash=await undone(request, session, undo))


async def _move_context(session: AsyncSession, actor: Actor, lead_id: UUID) -> dict[str, Any]:
    lead = await queries.get_lead(session, actor, lead_id=lead_id)
    service.note(session, lead)
    shown = answers.read(lead, clock.now())
    return {
        **NO_ERRORS,
        "lead": shown,
        "doubled": Picked(str(shown.person.person_id), Choice(str(shown.person.person_id), person=shown.person)),
        **await signs_of(session, shown.person.person_id),
        "targets": [(to, words(to)) for to in shown.allowed_transitions if to != "converted"],
        "needs_reason": sorted(LEAD.needs_reason),
        "reasons": [(code, words(code)) for code in DISQUALIFICATION_REASONS],
    }


@router.get("/leads/{lead_id}/convert", dependencies=[allow("lead.convert")])
async def show_conversion(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    context = await _conversion_context(session, actor, lead_id)
    if context["lead"].status == "converted":
        # Back from the patient's page leads here once more: what has been done is shown, and is not offered again.
        return go_to(request, f"/leads/{lead_id}")
    owner = await standing(session, actor, OWNERS_OF_PATIENTS, context["lead"].owner_id or actor.account_id)
    return page(request, "leads/convert.html", {**context, "owner": owner})


@router.post("/leads/{lead_id}/convert", dependencies=[allow("lead.convert")])
async def convert_lead(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    context = await _conversion_context(session, actor, lead_id)
    owner, wrong = await picked(request, session, actor, OWNERS_OF_PATIENTS, "owner_id")
    # Without the field, as where the record keeps its owner, nothing is said of one.
    is_said = "owner_id" in await request.form()
    try:
        chosen = read_form(OwnerChosen, {"owner_id": owner.text} if is_said else {}, wrong=wrong)
        conversion = Conversion.model_validate(chosen.model_dump(exclude_unset=True))
        async with known_errors(request, session):
            converted = await carry_out_conversion(session, actor, lead_id=lead_id, conversion=conversion)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "leads/convert.html", {**context, "owner": owner}, error)
    said = (
        _("The lead is converted.") if converted.is_new else _("The lead is converted to the patient record there was.")
    )
    return go_to(request, f"/patients/{converted.patient.patient_id}", flash=Flash(said))


async def _conversion_context(session: AsyncSession, actor: Actor, lead_id: UUID) -> dict[str, Any]:
    """What a conversion would do, before anything is made: who may be the same human, and what the lead says else."""
    lead = await queries.get_lead(session, actor, lead_id=lead_id)
    service.note(session, lead)
    shown, person_id = answers.read(lead, clock.now()), lead.person_id
    patient = await find_patient_of_person(session, actor, person_id=person_id)
    looked = await look_for_alike(session, actor, person=lead.person)
    if looked:
        audit.note(session, person_ids=[one.other.person_id for one in (*looked.others, *looked.told_apart)])
    submission = await find_submission(session, intake_submission_id=lead.intake_submission_id)
    suggested: list[SuggestedChangeRead] = []
    if actor.may("suggestion.read"):
        query = SuggestedChangeFilter(person_id=person_id, decision="open", limit=_SUGGESTED)
        found = await list_suggested_changes(session, actor, query=query)
        suggested = [SuggestedChangeRead.model_validate(row) for row in found.rows]
    owned = [shown.owner_id, patient.owner_id if patient else None]
    names = await account_names(session, owned)
    return {
        **NO_ERRORS,
        "lead": shown,
        **await signs_of(session, person_id),
        "patient": patient_answers.read(patient) if patient else None,
        "suggested": suggested,
        "looked": looked,
        "alike": looked.others if looked else [],
        "compared": COMPARED,
        # In a list, as on the page of the lead.
        "submissions": [SubmissionRead.model_validate(submission)] if submission else [],
        "first_contact": await first_contact_of(session, lead) if patient is None else None,
        "may_search": actor.may("person.search"),
        "names": names,
        "me": actor.account_id,
    }
