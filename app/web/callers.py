"""
A new caller: who needs help and what they ask for, in one form; whom we may know already is shown before anything is
made. It is opened as `POST /leads` opens one, and what they said becomes a note. Where somebody calls for them, the
lead is about who needs help, and who calls stands beside them with their relationship.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import Form, Request, Response
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.casework.finding import cases_of
from app.casework.schemas import CaseSummary
from app.conditions.queries import find_by_words, list_conditions
from app.conditions.schemas import ConditionFilter
from app.leads.schemas import LeadCreate, LeadCreateForPerson, LeadUpdate
from app.leads.service import Opened, open_lead
from app.notes.queries import list_notes
from app.notes.schemas import NoteCreate, NoteFilter
from app.notes.service import write_note
from app.people.errors import SearchNotAllowed
from app.people.models import Person
from app.people.schemas import PersonCreate, PersonProbe, PersonRead, ProbeRead, RelationshipType
from app.people.search.queries import new_caller_of
from app.people.service import probe
from app.people.speakers import Speaker, add_speaker
from app.platform.actor import Actor
from app.platform.doubles import key_of_name
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.locales import _
from app.platform.text import Flag, Id, Label, Notes
from app.web.forms import Typed, read_form, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.parts import options
from app.web.pickers import Picked, chosen
from app.web.render import page
from app.web.side_effects import lacks_answer, report_is_due, saved

router = page_router("/callers")

SOMEBODY_NEW: Final = "new"
_LONGEST: Final = 200
"""What is searched for is no longer."""
_OFFERED: Final = 4
_ASKED: Final = ("first_name", "last_name", "phone", "email", "date_of_birth", "country")
FOR_THEMSELVES, FOR_SOMEBODY = "themselves", "somebody"
_CALLS_FOR: Final = "calls_for"
_OF_CALLER: Final = {f"caller_{name}": name for name in ("first_name", "last_name", "phone", "email")} | {
    "relationship_type": "relationship_type"
}
"""The fields of who calls for somebody, by what the form calls them."""


class Caller(PersonCreate):
    """
    What the form asks. `condition` is the name of one, or how it begins; `choice` is who it is of those `shown`: an id,
    or `new` for somebody else.
    """

    condition: Label
    said: Notes | None = None
    adverse_event_heard: Flag | None = None
    choice: Label | None = None
    shown: list[Id] = Field(default=[])


@dataclass(frozen=True)
class Known:
    """Somebody whom we know and who may be the caller, with the reasons."""

    person: PersonRead
    case: CaseSummary | None
    reasons: list[str]


@router.get("/new", dependencies=[allow("lead.create")])
async def show_new_caller(request: Request) -> Response:
    return page(request, "callers/new.html", _context(_blank()))


@router.post("/begin", dependencies=[allow("lead.create")])
async def begin_new_caller(request: Request, q: Annotated[str, Form()] = "") -> Response:
    """The form with what was typed into a search, told apart as the search does."""
    read = new_caller_of(q[:_LONGEST]).model_dump(mode="json")
    typed = _blank() | {name: value or "" for name, value in read.items()}
    return page(request, "callers/new.html", _context(typed))


@router.post("/new", dependencies=[allow("lead.create")])
async def open_new_caller(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    form = await request.form()
    beside = {name: str(form.get(name, "")) for name in (_CALLS_FOR, *_OF_CALLER)}
    typed = await typed_in(request, Caller)
    condition, typed["condition"] = await chosen(request, "condition")
    try:
        condition_id, wrong = await _condition(session, actor, str(typed["condition"]), condition)
        speaker, unclear = _speaker(actor, beside)
        caller = read_form(Caller, typed, wrong=[*wrong, *lacks_answer(typed, "said"), *unclear])
        known = await _whom_we_know(session, actor, caller)
        if not _is_decided(caller, known):
            shown = _context(typed | beside, condition) | await _shown(session, actor, known)
            return page(request, "callers/new.html", shown)
        async with known_errors(request, session):
            opened = await _open(session, actor, caller, known, condition_id, speaker)
            report = ""
            heard, key = caller.adverse_event_heard, opened.lead.lead_id
            if caller.said is not None and (opened.is_new or not await _is_noted(session, actor, key, caller)):
                note = NoteCreate(lead_id=key, text=caller.said, adverse_event_heard=heard)
                await write_note(session, actor, new=note)
                report = await report_is_due(request, session, heard=heard, about_it="lead_id", key=key)
    except AppError as error:
        return form_again(request, "callers/new.html", _context(typed | beside, condition), error)
    said = _("The new lead is saved.") if opened.is_new else _("The same was entered today: this is its lead.")
    return go_to(request, f"/leads/{opened.lead.lead_id}", flash=saved(said, report=report))


async def _is_noted(session: AsyncSession, actor: Actor, lead_id: UUID, caller: Caller) -> bool:
    """Whether the same was written down already: the form was sent twice."""
    found = await list_notes(session, actor, query=NoteFilter(lead_id=lead_id))
    said = (caller.said, caller.adverse_event_heard)
    return any((note.text, note.adverse_event_heard) == said for note in found.rows)


def _blank() -> Typed:
    return dict.fromkeys((*Caller.model_fields, *_OF_CALLER), "") | {_CALLS_FOR: FOR_THEMSELVES}


def _context(typed: Typed, condition: str = "") -> dict[str, Any]:
    return {
        **NO_ERRORS,
        "typed": typed,
        "condition": Picked(condition, typed=str(typed["condition"])),
        "known": [],
        "outcome": "",
        "may_be_new": False,
        "relationships": options(get_args(RelationshipType)),
    }


def _speaker(actor: Actor, typed: Typed) -> tuple[Speaker | None, list[FieldError]]:
    """Who calls for somebody, None where they call for themselves; and what is wrong, by the names of the form."""
    if typed[_CALLS_FOR] != FOR_SOMEBODY:
        return None, []
    for permission in ("person.create", "person.write"):
        actor.require(permission)
    try:
        return read_form(Speaker, {field: typed[name] for name, field in _OF_CALLER.items()}), []
    except Invalid as error:
        return None, list(_named(error.fields))


def _named(errors: Iterable[FieldError]) -> Iterator[FieldError]:
    """What is wrong with who calls, by the names of the form's fields."""
    names = {field: name for name, field in _OF_CALLER.items()}
    return (FieldError(names.get(one.field, one.field), one.code, one.message) for one in errors)


async def _keep_speaker(session: AsyncSession, actor: Actor, person_id: UUID, speaker: Speaker) -> None:
    """Who calls stands beside who needs help. Invalid by the names of the form's fields."""
    payload = speaker.model_dump(mode="json", exclude_defaults=True)
    try:
        await add_speaker(session, actor, person_id=person_id, new=speaker, source="phone", payload=payload)
    except Invalid as error:
        raise Invalid(fields=list(_named(error.fields))) from error


async def _condition(
    session: AsyncSession, actor: Actor, typed: str, picked_id: str
) -> tuple[UUID | None, list[FieldError]]:
    """The condition that was chosen, or is meant by its name, a synonym or how they begin; and what is wrong."""
    if picked_id and typed.strip():
        return read_form(LeadUpdate, {"medical_condition_id": picked_id}).medical_condition_id, []
    if not typed.strip() or "\x00" in typed:
        return None, []
    exact = await find_by_words(session, [key_of_name(typed)], but=None)
    if exact:
        return next(iter(exact.values())).medical_condition_id, []
    try:
        query = read_form(ConditionFilter, {"q": typed[:_LONGEST], "is_active": "true", "limit": _OFFERED})
    except Invalid as error:
        return None, [FieldError("condition", one.code, one.message) for one in error.fields]
    found = (await list_conditions(session, actor, query=query)).rows
    if len(found) == 1:
        return found[0].medical_condition_id, []
    names = ", ".join(condition.name for condition in found)
    sentence = (
        _("Several begin so: %(names)s. Write which one.", names=names)
        if found
        else _("No condition is called so. Choose one.")
    )
    return None, [FieldError("condition", "unclear", sentence)]


async def _whom_we_know(session: AsyncSession, actor: Actor, caller: Caller) -> ProbeRead:
    """Who it would be found to be: asked as `POST /persons/match` is."""
    if not actor.may("person.search"):
        raise SearchNotAllowed
    given = {name: getattr(caller, name) for name in _ASKED}
    return await probe(session, actor, asked=PersonProbe.model_validate(given))


def _people_in(known: ProbeRead) -> dict[UUID, list[str]]:
    """Everybody who may be the caller, with the reasons."""
    found = {one.person_id: one.reasons for one in (*known.candidates, *known.probable_duplicates)}
    return found if known.person_id is None else {known.person_id: known.reasons, **found}


def _is_decided(caller: Caller, known: ProbeRead) -> bool:
    """Whether it was said of everybody who may be the caller that it is they, or that it is somebody else."""
    people = _people_in(known)
    if not people:
        return True
    if caller.choice == SOMEBODY_NEW:
        return _may_be_new(known) and set(people) <= set(caller.shown)
    return caller.choice in {str(person_id) for person_id in people}


def _may_be_new(known: ProbeRead) -> bool:
    """An address and a name that are somebody's make no second person."""
    return known.outcome in ("new_person", "shared_email_person", "email_belongs_to_someone_else")


async def _shown(session: AsyncSession, actor: Actor, known: ProbeRead) -> dict[str, Any]:
    reasons = _people_in(known)
    people = list(await session.scalars(select(Person).where(Person.person_id.in_(reasons)).order_by(Person.person_id)))
    cases = await cases_of(session, actor, person_ids=list(reasons))
    return {
        "known": [
            Known(PersonRead.model_validate(one), cases.get(one.person_id), list(reasons[one.person_id]))
            for one in people
        ],
        "outcome": known.outcome,
        "may_be_new": _may_be_new(known),
    }


async def _open(
    session: AsyncSession,
    actor: Actor,
    caller: Caller,
    known: ProbeRead,
    condition_id: UUID | None,
    speaker: Speaker | None,
) -> Opened:
    """
    The lead of the one who was chosen, with who called for them; what was typed is kept with the submission as it came.
    """
    given = {name: getattr(caller, name) for name in _ASKED}
    of_lead = {"medical_condition_id": condition_id, "owner_id": actor.account_id, "source": "phone"}
    payload = caller.model_dump(mode="json", include={*_ASKED, "condition", "said"}, exclude_none=True)
    new: LeadCreate | LeadCreateForPerson
    if caller.choice and caller.choice not in (SOMEBODY_NEW, str(known.person_id)):
        new = LeadCreateForPerson.model_validate({**of_lead, "person_id": caller.choice})
    else:
        is_shared = known.outcome == "email_belongs_to_someone_else"
        new = LeadCreate.model_validate({**of_lead, "person": given, "shared_email": is_shared})
    opened = await open_lead(session, actor, new=new, payload=payload)
    if speaker is not None:
        await _keep_speaker(session, actor, opened.lead.person_id, speaker)
    return opened
