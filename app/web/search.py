"""
Search everywhere: people, references, what has a name, places and commands, as a page and as the palette's part of it.

What is typed is posted. People are found as `GET /persons` finds them: by its permission, masked and noted as there.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import HUMAN_ROLES, roles_allowing
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.audit.queries import recently_opened
from app.casework.finding import Named, beside_people, cases_of, people_of_records
from app.casework.schemas import CaseSummary, SpokenFor
from app.people.fields import SearchText
from app.people.models import Person
from app.people.names import PEOPLE, Grade, compare_names, name_of
from app.people.queries import list_persons
from app.people.schemas import PersonFilter, PersonRead, SearchRead
from app.platform.actor import Actor
from app.platform.errors import FieldError, Invalid
from app.platform.locales import Message, _
from app.platform.text import Body
from app.web.colleagues import NO_COLLEAGUES, Colleagues, who_may
from app.web.forms import Typed, asked_in, read_form, read_query, typed_in
from app.web.frame import USER_MENU, places_of
from app.web.listing import typed_into_the_address
from app.web.page_guard import NO_ERRORS, form_again, page_router, signed_in
from app.web.render import page
from app.web.words import words

router = page_router()

MOST_PEOPLE, MOST_NAMED, MOST_RECENT, MOST_NAMESAKES = 8, 4, 6, 5
_LOOKED_AT, _LONGEST_NAME = 20, 200
Step = Literal["calls", "bookings", "tasks", "notes"]


@dataclass(frozen=True)
class Command:
    """
    What somebody with the permission can do. A `step` is about a person, who is asked for where none is open.

    `also` are other words by which it is looked for, `beside` says where it leads.
    """

    label: str
    icon: str
    permission: str | None
    href: str = ""
    step: Step | None = None
    also: str = ""
    beside: str = ""


COMMANDS: Final = (
    Command(_("Log a call"), "phone", "call.create", step="calls", also=_("phone telephone ring dial")),
    Command(
        _("Book a call"), "calendar-plus", "call.create", step="bookings", also=_("appointment plan schedule agenda"),
    ),
    Command(_("New task"), "checkbox", "task.write", step="tasks", also=_("reminder to do todo")),
    Command(_("Write a note"), "note", "note.write", step="notes", also=_("comment remark write down")),
    Command(
        _("New caller"), "user-plus", "lead.create", href="/callers/new",
        also=_("lead patient person register somebody"),
    ),
    Command(
        _("Hand over a colleague's work"), "arrows-exchange", "work.hand_over", href="/hand-over",
        also=_("give away reassign transfer absent leave holiday handover"),
    ),
    Command(
        _("Export a list"), "file-export", "list.export", href="/patients", also=_("download csv excel file take out"),
        beside=_("opens the list of patients"),
    ),
    Command(
        _("Invite a user"), "user-plus", "user.manage", href="/users/new", also=_("account colleague add"),
    ),
)  # fmt: skip
_STEPS: Final = {command.step: command for command in COMMANDS if command.step}

_KINDS: Final = {
    "medical_condition": (_("Condition"), "report-medical", "/conditions/{}"),
    "clinical_trial": (_("Trial"), "microscope", "/trials/{}"),
    "eap_program": (_("Programme"), "pill", "/programmes/{}"),
    "hospital": (_("Hospital"), "building-hospital", "/hospitals/{}"),
}
_RECORD: Final = re.compile(r"/(?:patients|leads)/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=/|\Z)", re.ASCII)
"""Where the pages of one person's record stand."""


class SearchEverywhere(Body):
    """What the form brings: what is typed, the step to be taken with the one who is found, the page one is on."""

    q: SearchText | None = None
    step: Step | None = None
    here: Annotated[str, Field(max_length=2000)] = ""


@dataclass(frozen=True)
class PatientHit:
    """A patient for whom somebody who was found speaks; the step is done with that patient."""

    of: SpokenFor
    href: str


@dataclass(frozen=True)
class PersonHit:
    """Somebody who was found, what there is of them, and where that stands."""

    person: PersonRead
    case: CaseSummary | None
    href: str | None
    patients: Sequence[PatientHit] = ()


@dataclass(frozen=True)
class Namesakes:
    """People of one name, the few that are shown; `may_be_more` where a search by hand may find others."""

    people: Sequence[PersonHit] = ()
    may_be_more: bool = False


@dataclass(frozen=True)
class Hit:
    """Anything else that was found. Without an address it is told and not opened."""

    label: str
    icon: str
    href: str | None
    beside: str = ""


@dataclass(frozen=True)
class Results:
    """
    What was found, as the template gets it. `found` says how what was typed was read, None where no people were looked
    for.
    """

    people: Sequence[PersonHit] = ()
    people_title: str = _("People")
    more: int = 0
    more_is_capped: bool = False
    found: SearchRead | None = None
    named: Sequence[Hit] = ()
    places: Sequence[Hit] = ()
    commands: Sequence[Hit] = ()
    places_first: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.people or self.named or self.places or self.commands)


@router.get("/search", dependencies=[signed_in(seen_by="person.search")])
async def show_search(request: Request, actor: CurrentActor) -> Response:
    typed = {**asked_in(request, SearchEverywhere), "q": "", "here": ""}
    wrong = typed_into_the_address(request)
    asked = _read(typed, wrong=wrong)
    return page(request, "search/search.html", {**_context(actor, typed, asked), "results": None})


@router.post("/search", dependencies=[signed_in(seen_by="person.search")])
async def search_everywhere(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """What was typed, and what one has opened lately where nothing was."""
    typed = await typed_in(request, SearchEverywhere)
    try:
        asked = _read(typed)
        results = await _results(request, session, actor, asked)
    except Invalid as error:
        shown = {**_context(actor, typed, SearchEverywhere()), "results": None}
        return form_again(request, "search/search.html", shown, error, block="palette_results")
    shown = {**_context(actor, typed, asked), "results": results}
    return page(request, "search/search.html", shown, block="palette_results")


def _read(typed: Typed, *, wrong: Sequence[FieldError] = ()) -> SearchEverywhere:
    """The question that the form asks. Invalid for a step that there is not."""
    return read_form(SearchEverywhere, typed, wrong=wrong)


def _context(actor: Actor, typed: Typed, asked: SearchEverywhere) -> dict[str, Any]:
    step = asked.step if asked.step and actor.may(_STEPS[asked.step].permission or "") else None
    return {
        **NO_ERRORS,
        "typed": typed,
        "step": step or "",
        "title": _STEPS[step].label if step else _("Search"),
        "may_search": actor.may("person.search"),
        "may_open": actor.may("lead.create"),
    }


async def _results(request: Request, session: AsyncSession, actor: Actor, asked: SearchEverywhere) -> Results:
    if not asked.q:
        people = await _recent(session, actor, asked.step)
        return Results(people=people, people_title=_("Recent"), commands=await _commands(session, actor, asked))
    found: SearchRead | None = None
    shown: list[PersonRead] = []
    more, is_capped = 0, False
    if actor.may("person.search"):
        query = read_query(request, PersonFilter, {"q": asked.q, "limit": MOST_PEOPLE}, beside={"step"})
        hits = await list_persons(session, actor, query=query)
        shown = audit.show_page(session, hits, [PersonRead.model_validate(row) for row in hits.rows]).items
        found, more, is_capped = hits.search, hits.total - len(shown), hits.total_is_capped
    ids = [one.person_id for one in shown]
    most_named = 0 if asked.step else MOST_NAMED
    beside = await beside_people(session, actor, person_ids=ids, typed=asked.q, most_named=most_named)
    people = [_person_hit(one, beside.cases.get(one.person_id), asked, beside.spoken_for) for one in shown]
    if asked.step:
        return Results(people=people, more=more, more_is_capped=is_capped, found=found)
    places = _places(actor, asked.q)
    return Results(
        people=people,
        more=more,
        more_is_capped=is_capped,
        found=found,
        named=[_named_hit(one) for one in beside.named],
        places=places,
        commands=await _commands(session, actor, asked),
        places_first=any(place.label.casefold() == asked.q.casefold() for place in places),
    )


async def namesakes_of(session: AsyncSession, actor: Actor, *, person: Person, but: Collection[UUID]) -> Namesakes:
    """People who have the name of this person, as a search for it finds them; `but` are not among them."""
    typed = " ".join(filter(None, (person.first_name, person.last_name)))[:_LONGEST_NAME]
    if not actor.may("person.search") or not any(map(str.isalpha, typed)):
        return Namesakes()
    found = await list_persons(session, actor, query=PersonFilter(q=typed, limit=_LOOKED_AT))
    name = name_of(person.first_name, person.last_name)
    same = [
        PersonRead.model_validate(row)
        for row in found.rows
        if row.person_id not in but
        and compare_names(name, name_of(row.first_name, row.last_name), PEOPLE).grade is Grade.EQUAL
    ]
    shown = same[:MOST_NAMESAKES]
    ids = [one.person_id for one in shown]
    cases = await cases_of(session, actor, person_ids=ids)
    return Namesakes(
        [_person_hit(one, cases.get(one.person_id), SearchEverywhere()) for one in shown],
        may_be_more=len(same) > len(shown) or (bool(same) and found.next_cursor is not None),
    )


async def _recent(session: AsyncSession, actor: Actor, step: Step | None) -> list[PersonHit]:
    """Whom the actor has opened lately."""
    if not (actor.may("patient.read") and actor.may("lead.read")):
        return []
    opened = await recently_opened(session, actor, actions=("show_patient", "show_lead"), most=2 * MOST_RECENT)
    people = (await people_of_records(session, record_ids=opened))[:MOST_RECENT]
    cases = await cases_of(session, actor, person_ids=[one.person_id for one in people])
    asked = SearchEverywhere(step=step)
    return [_person_hit(PersonRead.model_validate(one), cases.get(one.person_id), asked) for one in people]


def _person_hit(
    person: PersonRead, case: CaseSummary | None, asked: SearchEverywhere, spoken: Sequence[SpokenFor] = ()
) -> PersonHit:
    href = None
    patients = [_patient_hit(one, asked) for one in spoken if one.speaker_id == person.person_id]
    if case is not None:
        href = _record_of(case, meant=asked.q or "")
    if href is None:
        other = f"/people/{person.person_id}"
        if case is not None and case.physician_id is not None:
            other = f"/physicians/{case.physician_id}"
        return PersonHit(person, case, None if asked.step else other, patients)
    return PersonHit(person, case, f"{href}/{asked.step}/new" if asked.step else href, patients)


def _patient_hit(of: SpokenFor, asked: SearchEverywhere) -> PatientHit:
    """The patient's page, or the form of the step there; that of a call knows who is spoken with."""
    place = f"/patients/{of.patient_id}"
    if asked.step:
        place += f"/{asked.step}/new" + (f"?spoke_with_person_id={of.speaker_id}" if asked.step == "calls" else "")
    return PatientHit(of, place)


def _record_of(case: CaseSummary, *, meant: str) -> str | None:
    """The page of somebody: that of the patient, or of the lead where there is none or its reference was typed."""
    is_lead_meant = case.lead_reference is not None and _letters(meant) == _letters(case.lead_reference)
    if case.patient_id is not None and not is_lead_meant:
        return f"/patients/{case.patient_id}"
    return f"/leads/{case.lead_id}" if case.lead_id is not None else None


def _letters(reference: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", reference.upper())


def _named_hit(found: Named) -> Hit:
    kind, icon, href = _KINDS[found.kind]
    beside = f"{kind}, {found.beside}" if found.beside and found.beside != found.name else kind
    return Hit(found.name, icon, href.format(found.record_id), beside)


def _begins_a_word(label: str, typed: str) -> bool:
    """Whether each typed word begins one of the label's."""
    words = label.casefold().split()
    return all(any(word.startswith(part) for word in words) for part in typed.casefold().split())


def _places(actor: Actor, typed: str) -> list[Hit]:
    own = [place.item for place in places_of(actor)]
    return [
        Hit(item.label, item.icon, item.href, _("Go to"))
        for item in (*own, *USER_MENU)
        if _begins_a_word(item.label, typed)
    ]


async def _commands(session: AsyncSession, actor: Actor, asked: SearchEverywhere) -> list[Hit]:
    """
    What can be done: about the record that is open, else about somebody who is then looked for. Where what is typed
    fits one command that the actor may not use, those who may are named.
    """
    if asked.step:
        return []
    open_record = _RECORD.match(asked.here)
    fitting = [one for one in COMMANDS if not asked.q or _begins_a_word(f"{one.label} {one.also}", asked.q)]
    refused = [one.permission for one in fitting if one.permission is not None and not actor.may(one.permission)]
    able = await who_may(session, refused[0]) if asked.q and len(refused) == 1 else NO_COLLEAGUES
    found = []
    for command in fitting:
        if command.permission is not None and command.permission in refused:
            if asked.q:
                found.append(Hit(command.label, command.icon, None, _only_for(command.permission, able)))
            continue
        href, beside = command.href, command.beside
        if command.step:
            href = f"{open_record[0]}/{command.step}/new" if open_record else f"/search?step={command.step}"
            beside = _("with whom is open") if open_record else _("choose with whom")
        found.append(Hit(command.label, command.icon, href, beside))
    return found


def _only_for(permission: str, able: Colleagues) -> Message:
    """Which roles may do it, and who has them as far as that is known."""
    roles = ", ".join(str(words(role)) for role in roles_allowing(permission) if role in HUMAN_ROLES)
    if able.ids:
        return _("Only for: %(roles)s (%(names)s)", roles=roles, names=able.names)
    return _("Only for: %(roles)s", roles=roles)
