"""What the record pages of leads and patients have in common: who somebody is, and what is known around them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names, owners
from app.casework.around import Around, around_person
from app.casework.schemas import TimelineQuery
from app.casework.timeline import timeline_of
from app.leads.models import PatientLead
from app.people import queries
from app.people.alike import probe
from app.people.departures.queries import current_departures
from app.people.departures.schemas import DepartureSummary
from app.people.models import IntakeSubmission, Person
from app.people.names import name_of
from app.people.opt_outs import opt_outs_of
from app.people.schemas import DuplicateCandidateFilter, PersonRead, RelationshipRead, SubmissionRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.locales import _
from app.tasks.rules import SIDE_EFFECT
from app.tasks.schemas import TaskRead
from app.web.colleagues import MANAGERS_WORK, NO_COLLEAGUES, Colleagues, colleagues
from app.web.search import Namesakes, namesakes_of

ABOUT = "record_about"
"""The part of a record page that holds its facts; it comes with the head, which names some of them."""
_FEW = 20
_NAMED_BY = ("entered_by", "received_by", "decided_by", "done_by", "created_by")
"""The fields of a timeline's entries that name an account."""
COMPARED = (
    ("first_name", _("First name")),
    ("middle_name", _("Middle name")),
    ("last_name", _("Last name")),
    ("preferred_name", _("Preferred name")),
    ("date_of_birth", _("Born")),
    ("gender", _("Gender")),
    ("email", _("E-mail")),
    ("phone", _("Phone")),
    ("country", _("Country")),
    ("language", _("Language")),
    ("time_zone", _("Time zone")),
)
"""The fields by which one tells whether two are one human."""
TIMELINE_KINDS = (
    ("calls", _("Calls")),
    ("notes", _("Notes")),
    ("moves", _("Moves")),
    ("tasks", _("Tasks")),
    ("submissions", _("Sent in")),
    ("suggestions", _("Suggestions")),
    ("physicians", _("Physicians")),
)
"""What a timeline can be narrowed to, in the order of its menu."""


@dataclass(frozen=True)
class Alike:
    """Somebody who is like somebody else, and why; `candidate_id` where the pair waits for a decision or has one."""

    candidate_id: UUID | None
    other: PersonRead
    reasons: list[str]


@dataclass(frozen=True)
class Looked:
    """
    Who may be the same human as somebody, and what they were looked for by.

    `told_apart` are alike all the same, and somebody has decided that they are other people, as of `else_told_apart`
    more. An e-mail address is looked for when it is entered. `namesakes` have the same name and nothing else that says
    that they are the same human.
    """

    others: list[Alike]
    namesakes: Namesakes
    told_apart: list[Alike]
    else_told_apart: int
    by_birth_date: bool
    by_phone: bool
    by_email: bool

    def told_apart_by(self, reason: str) -> list[Alike]:
        """Those who were told apart and are alike by this."""
        return [one for one in self.told_apart if reason in one.reasons]


@dataclass(frozen=True)
class Sent:
    """What somebody sent in, and the lead that it opened."""

    submission: SubmissionRead
    lead_id: UUID | None


@dataclass(frozen=True)
class Relation:
    """A relationship of somebody with the other one; `acts` when they speak or act for the other."""

    row: RelationshipRead
    other: PersonRead | None
    acts: bool

    @property
    def is_over(self) -> bool:
        """Whether it has ended, as far as that is shown."""
        return self.row.end_date < clock.today() if self.row.end_date else False


async def around(
    session: AsyncSession,
    actor: Actor,
    *,
    person: Person,
    patient_id: UUID | None,
    owner_id: UUID | None,
    query: TimelineQuery,
    draft_at: tuple[str, UUID, str] | None = None,
    is_part: bool = False,
    asks_for_case: bool = False,
) -> dict[str, Any]:
    """
    The context that a record page shares: who somebody is, what is around them, their timeline, names of colleagues.

    `is_part`: only the facts are wanted, without the timeline. `asks_for_case`: whether they are a patient is told too.
    """
    known = await around_person(session, actor, person, draft_at=draft_at, asks_for_case=asks_for_case)
    opt_outs = await opt_outs_of(session, person)
    accounts = {owner_id, *(opt_out.entered_by for opt_out in opt_outs)}
    shown: dict[str, Any] = {}
    if not is_part:
        timeline = await timeline_of(session, person_id=person.person_id, patient_id=patient_id, query=query)
        accounts |= {getattr(item.data, name, None) for item in timeline.items for name in _NAMED_BY}
        ids = [item.id for item in timeline.items if item.kind == "submission"]
        shown["sent"] = await _sent(session, actor, person_id=person.person_id, ids=ids)
        kinds = [one for one in TIMELINE_KINDS if patient_id is not None or one[0] != "physicians"]
        shown |= {"timeline": timeline, "is_earlier": query.cursor is not None, "about": query.about, "kinds": kinds}
    names, managers = await _colleagues(session, accounts, known.tasks)
    return {
        **shown,
        "whom": PersonRead.model_validate(person),
        "departures": known.departures,
        "opt_outs": opt_outs,
        "contact_points": known.contact_points,
        "roles": known.roles,
        "relations": _relations(known, person.person_id),
        "bookings": known.bookings,
        "suggested": known.suggested,
        "tasks": known.tasks,
        "pinned": known.pinned,
        "documents": known.documents,
        "contacts": known.contacts,
        "case": known.case,
        "draft": known.draft,
        "may_add_documents": actor.may("document.write"),
        "names": names,
        "managers": managers,
        "me": actor.account_id,
        "looks_href": f"/audit/persons/{person.person_id}" if actor.may("audit.read") else None,
        "is_part": is_part,
        "editing": None,
        "attaching": None,
        "saved": None,
        "refused": None,
    }


async def _colleagues(
    session: AsyncSession, accounts: Collection[UUID | None], tasks: Iterable[TaskRead]
) -> tuple[Mapping[UUID, str], Colleagues]:
    """The names of these accounts; and the programme managers, where a side effect is to be reported."""
    if not any(task.rule == SIDE_EFFECT for task in tasks):
        return await account_names(session, accounts), NO_COLLEAGUES
    # In the statement of the names: a record page has no room for one more.
    names, able = await owners(session, accounts, permission=MANAGERS_WORK)
    return names, colleagues(names, able)


async def _sent(session: AsyncSession, actor: Actor, *, person_id: UUID, ids: Collection[UUID]) -> dict[UUID, Sent]:
    """These submissions of a person, by their id."""
    if not ids:
        return {}
    key = IntakeSubmission.intake_submission_id
    opened = (PatientLead.person_id == person_id) & (PatientLead.intake_submission_id == key)
    found = await session.execute(
        select(IntakeSubmission, PatientLead.lead_id).outerjoin(PatientLead, opened).where(key.in_(ids))
    )
    may_read = actor.may("lead.read")
    return {
        one.intake_submission_id: Sent(SubmissionRead.model_validate(one), lead_id if may_read else None)
        for one, lead_id in found
    }


def _relations(known: Around, person_id: UUID) -> list[Relation]:
    """Each with the other person."""
    found = []
    for row in known.relationships:
        acts = row.person_id == person_id
        other = known.people.get(row.related_person_id if acts else row.person_id)
        found.append(Relation(row, PersonRead.model_validate(other) if other else None, acts))
    return found


async def speakers_of(session: AsyncSession, actor: Actor, person_id: UUID) -> list[Relation]:
    """Those who speak or act for somebody now, as far as the actor may see who is around them."""
    if not actor.may("person.read"):
        return []
    return [
        Relation(RelationshipRead.model_validate(row), PersonRead.model_validate(other), acts=False)
        for other, row in await queries.find_speakers(session, person_id=person_id)
    ]


async def signs_of(session: AsyncSession, person_id: UUID) -> dict[str, Any]:
    """What the head of each page about somebody says first: whether they died or withdrew, what they do not want."""
    found = await current_departures(session, person_id=person_id)
    person = await session.get_one(Person, person_id)
    return {
        "whom": PersonRead.model_validate(person),
        "departures": [DepartureSummary.model_validate(one) for one in found],
    }


async def alike(session: AsyncSession, actor: Actor, *, person_id: UUID) -> list[Alike]:
    """Those who may be the same human as this person, as far as nobody has decided about it."""
    if not actor.may("suggestion.read"):
        return []
    query = DuplicateCandidateFilter(person_id=person_id, decision="open", limit=_FEW)
    pairs = (await queries.list_duplicate_candidates(session, actor, query=query)).rows
    others = {pair.person_id if pair.other_person_id == person_id else pair.other_person_id: pair for pair in pairs}
    if not others:
        return []
    people = await session.scalars(select(Person).where(Person.person_id.in_(others)).order_by(Person.person_id))
    return [
        Alike(pair.duplicate_candidate_id, PersonRead.model_validate(one), list(pair.reasons))
        for one in people
        for pair in [others[one.person_id]]
    ]


async def look_for_alike(session: AsyncSession, actor: Actor, *, person: Person) -> Looked | None:
    """
    Those who may be the same human as this person, looked for now; those of whom that is decided are left out.

    None for whom it is not shown.
    """
    if not actor.may("suggestion.read"):
        return None
    waiting = await alike(session, actor, person_id=person.person_id)
    decided = await queries.told_apart(session, person_id=person.person_id)
    name, born, phone = name_of(person.first_name, person.last_name), person.date_of_birth, person.phone_e164
    known = {person.person_id, *decided, *(one.other.person_id for one in waiting)}
    found = await queries.probable_duplicates(session, phone=phone, name=name, date_of_birth=born, but=known)
    apart = []
    if decided:
        apart = await queries.probable_duplicates(session, phone=phone, name=name, date_of_birth=born, among=decided)
    reasons = {who.person_id: why for who, why in (*found, *apart)}
    people = await session.scalars(select(Person).where(Person.person_id.in_(reasons)).order_by(Person.person_id))
    read = [PersonRead.model_validate(one) for one in people] if reasons else []
    all_alike = [Alike(decided.get(one.person_id), one, reasons[one.person_id]) for one in read]
    now = [one for one in all_alike if one.candidate_id is None]
    others = [*waiting, *now]
    return Looked(
        others=others,
        namesakes=await namesakes_of(session, actor, person=person, but=known | {one.other.person_id for one in now}),
        told_apart=[one for one in all_alike if one.candidate_id is not None],
        else_told_apart=len(decided) - len(apart),
        by_birth_date=bool(probe(name, born).keys),
        by_phone=phone is not None,
        by_email=person.email is not None,
    )
