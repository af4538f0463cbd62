"""Who is it, and what changes about a person: found or made, changed, deactivated, given a role."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role, is_from_outside, roles_allowing
from app.audit import service as audit
from app.people import queries, suggestions
from app.people.alike import probe as probe_for
from app.people.departures.queries import kinds_of_departure
from app.people.departures.service import file_came_back
from app.people.differences import differing_fields
from app.people.errors import EmailBelongsToSomeoneElse, SeveralPeopleFit
from app.people.keys import email_key
from app.people.locks import lock_identity
from app.people.matching import Candidate, Decision, Found, FurtherReason, find_same_person, initials
from app.people.models import ContactPoint, DuplicateCandidate, IntakeSubmission, Person, SuggestedChange
from app.people.names import Name, name_of
from app.people.records import NEW, apply_change, insert_person, lock_new_email, read_phone
from app.people.roles import end_role, give_role
from app.people.schemas import (
    CandidateRead,
    Intake,
    MatchOutcome,
    MatchRead,
    OfKnownPerson,
    OfNewPerson,
    PersonCreate,
    PersonProbe,
    PersonUpdate,
    ProbeRead,
    SuggestedChangeRead,
)
from app.platform.actor import Actor
from app.platform.errors import Unavailable, invalid_field
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

PATIENT_ROLE = "patient"
SUBMITTED = StoredFields(IntakeSubmission, Intake)
"""What a create says of itself, in the row of its submission."""
_TRIES = 3
OutcomeOf = Callable[[UUID], Awaitable[MatchOutcome | None]]
"""What else a submission of a known, locked person turns out to be, or None."""


@dataclass(frozen=True)
class Identified:
    """
    The person a submission belongs to, why, and the submission as it is kept.

    `departed`: they have died or withdrawn; the submission stands on the list of those who came back when it is from
    outside.
    """

    person: Person
    match: MatchRead
    submission: IntakeSubmission
    departed: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether the person was made by this submission."""
        return self.match.outcome in {"new_person", "shared_email_person"}


async def identify(
    session: AsyncSession,
    actor: Actor,
    *,
    new: OfNewPerson | OfKnownPerson,
    payload: Mapping[str, Any],
    language: str | None = None,
    outcome_of: OutcomeOf | None = None,
) -> Identified:
    """
    The person that a create is about, whichever way it names them; `identify_or_create` or `identify_known`.

    `language` is that of the form, kept with the submission; without one it is the person's. `outcome_of` may know more
    of what arrives for a known person.
    """
    if isinstance(new, OfKnownPerson):
        return await identify_known(
            session,
            actor,
            person_id=new.person_id,
            intake=new,
            payload=payload,
            language=language,
            outcome_of=outcome_of,
        )
    return await identify_or_create(
        session,
        actor,
        new=new.person,
        intake=new,
        payload=payload,
        shared_email=new.shared_email,
        language=language,
        outcome_of=outcome_of,
    )


async def identify_or_create(
    session: AsyncSession,
    actor: Actor,
    *,
    new: PersonCreate,
    intake: Intake,
    payload: Mapping[str, Any],
    shared_email: bool = False,
    language: str | None = None,
    outcome_of: OutcomeOf | None = None,
) -> Identified:
    """
    The person this submission belongs to, made when nobody we know; the submission is kept as it came.

    The request's audit event names the person; the caller notes its own record.

    Nothing of an existing person is overwritten: what differs, and what fills an empty field, becomes a suggested
    change. An inactive person is active again. EmailBelongsToSomeoneElse when the address is somebody else's and not
    known to be shared; SeveralPeopleFit when two people of a shared address could both be meant.

    Source: docs/MATCHING.md.
    """
    key = email_key(new.email) if new.email else None
    language = language or new.language
    await lock_identity(
        session,
        email_key=key,
        phone=read_phone(new.phone, new.country).e164,
        alike=probe_for(_name(new), new.date_of_birth),
    )
    for _ in range(_TRIES):
        decision = await _decide(session, name=_name(new), date_of_birth=new.date_of_birth, key=key, for_update=True)
        if decision.person_id is not None:
            return await _recognise(
                session,
                actor,
                person_id=decision.person_id,
                reasons=decision.reasons,
                new=new,
                intake=intake,
                payload=payload,
                language=language,
                outcome_of=outcome_of,
            )
        _refuse(actor, decision, shared_email=shared_email)
        is_shared = decision.found is Found.SOMEONE_ELSE
        person = await insert_person(session, actor, new, owns_email=not is_shared)
        if person is None:
            # Another entry point made the address's owner since we looked: it is looked at again, and the row is there
            # now.
            continue
        reasons = decision.reasons
        if is_shared and new.email is not None and key is not None:
            owners = [person.person_id, *(other.person_id for other in decision.others if other.uses_it)]
            await _share_email(session, actor, email=new.email, key=key, person_ids=owners)
            # Their contact points say now that the address is shared; the answer does not name them.
            audit.note(session, person_ids=owners)
            reasons = (*reasons, FurtherReason.EMAIL_SHARED)
        told_apart, formers = (decision.others, ()) if is_shared else ((), decision.others)
        duplicates = await _file_duplicates(
            session, actor, person, besides=told_apart, formers=formers, reasons=reasons
        )
        outcome: MatchOutcome = "shared_email_person" if is_shared else "new_person"
        submission = await keep_submission(
            session,
            actor,
            person_id=person.person_id,
            intake=intake,
            payload=payload,
            outcome=outcome,
            reasons=reasons,
            language=language,
        )
        match = MatchRead(
            outcome=outcome,
            reasons=list(reasons),
            suggested_changes=[],
            probable_duplicates=_shown(actor, duplicates),
            reactivated=False,
        )
        audit.note(session, person_ids=[person.person_id], fields=new.model_fields_set)
        return Identified(person, match, submission)
    raise Unavailable


async def identify_known(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    intake: Intake,
    payload: Mapping[str, Any],
    new: PersonCreate | None = None,
    language: str | None = None,
    outcome_of: OutcomeOf | None = None,
) -> Identified:
    """
    A submission that names its person by id. Invalid when there is no such person.

    What `new` says of them and differs becomes a suggested change. The person is locked until the transaction ends, so
    that two submissions for one person follow each other.
    """
    person = await queries.find_person(session, actor, person_id=person_id, for_update=True)
    if person is None:
        raise invalid_field("person_id", "unknown_reference", "There is no such person.")
    return await _recognise(
        session,
        actor,
        person_id=person_id,
        reasons=(FurtherReason.PERSON_GIVEN,),
        new=new,
        intake=intake,
        payload=payload,
        language=language,
        outcome_of=outcome_of,
    )


async def probe(session: AsyncSession, actor: Actor, *, asked: PersonProbe) -> ProbeRead:
    """What `identify_or_create` would answer; nothing is written but the request's audit event."""
    key = email_key(asked.email) if asked.email else None
    name = name_of(asked.first_name, asked.last_name)
    decision = await _decide(session, name=name, date_of_birth=asked.date_of_birth, key=key)
    others = [(who, [str(reason) for reason in decision.reasons]) for who in decision.others]
    if decision.person_id is not None:
        person = await queries.get_person(session, actor, person_id=decision.person_id)
        _note(session, person.person_id, ())
        return ProbeRead(
            outcome=await _outcome_of_existing(session, person.person_id),
            reasons=list(decision.reasons),
            person_id=person.person_id,
            candidates=[],
            probable_duplicates=[],
            reactivated=not person.is_active,
        )
    duplicates: list[tuple[Candidate, list[str]]] = []
    if decision.found is Found.SEVERAL_FIT:
        outcome = "several_people_fit"
    elif decision.found is Found.SOMEONE_ELSE and not asked.shared_email:
        outcome = "email_belongs_to_someone_else"
    else:
        outcome = "shared_email_person" if decision.found is Found.SOMEONE_ELSE else "new_person"
        phone = read_phone(asked.phone, asked.country)
        duplicates = await queries.probable_duplicates(
            session,
            phone=phone.e164,
            name=name,
            date_of_birth=asked.date_of_birth,
            but={other.person_id for other in decision.others},
        )
    candidates, shown = _shown(actor, others), _shown(actor, duplicates)
    audit.note(session, record_type="person", person_ids=[c.person_id for c in (*candidates, *shown)])
    return ProbeRead.model_validate(
        {
            "outcome": outcome,
            "reasons": list(decision.reasons),
            "person_id": None,
            "candidates": candidates,
            "probable_duplicates": shown,
            "reactivated": False,
        }
    )


async def keep_submission(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    intake: Intake,
    payload: Mapping[str, Any],
    outcome: str,
    reasons: tuple[str, ...],
    language: str | None,
) -> IntakeSubmission:
    """File a submission as it came, with what it was matched to."""
    submission = IntakeSubmission(
        **SUBMITTED.values(intake),
        payload=dict(payload),
        language=language,
        received_by=actor.account_id,
        person_id=person_id,
        match_outcome=outcome,
        match_reasons=[str(reason) for reason in reasons],
    )
    session.add(submission)
    await session.flush()
    return submission


async def change_person(
    session: AsyncSession, actor: Actor, *, person_id: UUID, change: PersonUpdate, if_match: str | None = None
) -> Person:
    """Change the fields given. PersonNotFound; Stale; EmailTaken when the address is another person's."""
    await lock_new_email(session, change)
    person = await queries.get_person(session, actor, person_id=person_id, for_update=True)
    require_match(if_match, etag(person.version))
    await apply_change(session, actor, person, change)
    await session.flush()
    _note(session, person_id, change.model_fields_set)
    return person


async def deactivate_person(
    session: AsyncSession, actor: Actor, *, person_id: UUID, if_match: str | None = None
) -> Person:
    """
    Set a person inactive: kept, found, and brought back when they return. Twice is one effect.

    PatientActive while they are a patient whom we help.
    """
    person = await queries.get_person(session, actor, person_id=person_id, for_update=True)
    require_match(if_match, etag(person.version))
    await apply_change(session, actor, person, PersonUpdate(is_active=False))
    await session.flush()
    _note(session, person_id, ["is_active"])
    return person


def _name(new: PersonCreate) -> Name:
    return name_of(new.first_name, new.last_name)


async def _decide(
    session: AsyncSession, *, name: Name, date_of_birth: date | None, key: str | None, for_update: bool = False
) -> Decision:
    if key is None:
        return Decision(Found.NOBODY, (FurtherReason.NO_EMAIL,))
    candidates = await queries.people_of_email(session, key=key, for_update=for_update)
    return find_same_person(name, date_of_birth, candidates)


def _refuse(actor: Actor, decision: Decision, *, shared_email: bool) -> None:
    """Raise when nobody may be made for this submission."""
    shown = _shown(actor, [(who, []) for who in decision.others])
    if decision.found is Found.SEVERAL_FIT:
        raise SeveralPeopleFit(candidates=shown)
    if decision.found is Found.SOMEONE_ELSE and not shared_email:
        raise EmailBelongsToSomeoneElse(reasons=decision.reasons, candidate=shown[0] if shown else None)


def _shown(actor: Actor, found: Sequence[tuple[Candidate, list[str]]]) -> list[CandidateRead]:
    """
    Those of `found` as the actor may see them: nothing for a machine that only brings submissions.

    Else anyone who fills in a form could ask by it whom we know.
    """
    people = set(roles_allowing("person.read")) - {Role.INTEGRATION.value}
    if not actor.roles & people:
        return []
    return [
        CandidateRead(
            person_id=who.person_id,
            initials=initials(who.name),
            birth_year=who.date_of_birth.year if who.date_of_birth else None,
            reasons=reasons,
        )
        for who, reasons in found
    ]


async def _share_email(
    session: AsyncSession, actor: Actor, *, email: str, key: str, person_ids: Sequence[UUID]
) -> None:
    """Keep the address as a shared contact point of all these people."""
    rows = [
        {
            "person_id": person_id,
            "kind": "email",
            "value": email,
            "value_key": key,
            "is_shared": True,
            "updated_by": actor.account_id,
        }
        # In the order of their ids, so that two who share at once do not wait for each other.
        for person_id in sorted(person_ids)
    ]
    point = insert(ContactPoint).values(rows)
    await session.execute(
        point.on_conflict_do_update(
            index_elements=["person_id", "kind", "value_key"],
            set_={"is_shared": True, "was": None, "updated_by": point.excluded.updated_by},
            where=ContactPoint.is_shared.is_(False) | ContactPoint.was.is_not(None),
        )
    )


async def _file_duplicates(
    session: AsyncSession,
    actor: Actor,
    person: Person,
    *,
    besides: Sequence[Candidate],
    formers: Sequence[Candidate],
    reasons: tuple[str, ...],
) -> list[tuple[Candidate, list[str]]]:
    """
    The people who may be the new person, each pair filed for the data steward.

    Those of a shared address are left out: somebody has just said that they are different people. `formers` had the
    address before, and are somebody else for these reasons.
    """
    found = await queries.probable_duplicates(
        session,
        phone=person.phone_e164,
        name=name_of(person.first_name, person.last_name),
        date_of_birth=person.date_of_birth,
        but={person.person_id, *(other.person_id for other in (*besides, *formers))},
    )
    had_it = [(who, [str(reason) for reason in reasons]) for who in formers]
    pairs = had_it + found
    await _file_pairs(session, actor, person.person_id, pairs)
    return pairs


async def file_probable_duplicates(
    session: AsyncSession, actor: Actor, *, person_id: UUID, others: Collection[UUID], reason: str
) -> list[CandidateRead]:
    """File a pair of the person with each of `others`, who may be the same human; they as the actor may see them."""
    pairs = [(who, [reason]) for who in await queries.candidates_of(session, others)]
    await _file_pairs(session, actor, person_id, pairs)
    return _shown(actor, pairs)


async def _file_pairs(
    session: AsyncSession, actor: Actor, person_id: UUID, pairs: Sequence[tuple[Candidate, list[str]]]
) -> None:
    """A pair that is filed already, or decided, stays as it is."""
    if not pairs:
        return
    rows = [
        {
            "person_id": min(person_id, who.person_id),
            "other_person_id": max(person_id, who.person_id),
            "reasons": reasons,
            "updated_by": actor.account_id,
        }
        for who, reasons in pairs
    ]
    await session.execute(insert(DuplicateCandidate).values(rows).on_conflict_do_nothing())


async def _recognise(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    reasons: tuple[str, ...],
    new: PersonCreate | None,
    intake: Intake,
    payload: Mapping[str, Any],
    language: str | None,
    outcome_of: OutcomeOf | None,
) -> Identified:
    """An existing person comes back: active again, the submission kept, what differs suggested."""
    person = await queries.get_person(session, actor, person_id=person_id, for_update=True)
    departed = await kinds_of_departure(session, person_id=person_id)
    # Those are brought back by a navigator with a reason, and by nothing that arrives.
    reactivated = not departed and await bring_back(session, person)
    known = None if outcome_of is None else await outcome_of(person_id)
    outcome = known or await _outcome_of_existing(session, person_id)
    submission = await keep_submission(
        session,
        actor,
        person_id=person_id,
        intake=intake,
        payload=payload,
        outcome=outcome,
        reasons=reasons,
        language=language,
    )
    if departed and is_from_outside(actor.roles):
        await file_came_back(session, actor, person_id=person_id, kind=departed[0], submission=submission)
    suggested: list[SuggestedChange] = []
    if new is not None:
        is_new_wish = await _close_channels(session, person, new.do_not_contact_channels)
        if is_new_wish and not departed:
            await file_came_back(session, actor, person_id=person_id, kind="opted_out", submission=submission)
        suggested = await suggestions.suggest(
            session,
            actor,
            record=suggestions.Record(person_id, "person", person_id, person.version),
            differing=differing_fields(
                {field: getattr(person, field) for field in (*NEW.names, "phone_e164")},
                NEW.given(new),
                known_phones=await queries.contact_keys(session, person_id=person_id, kind="phone"),
            ),
            source=intake.source,
            intake_submission_id=submission.intake_submission_id,
            phone_country=new.country or person.country,
        )
    audit.note(session, person_ids=[person_id], fields=[change.field for change in suggested])
    match = MatchRead(
        outcome=outcome,
        reasons=[str(reason) for reason in reasons],
        suggested_changes=[SuggestedChangeRead.model_validate(change) for change in suggested],
        probable_duplicates=[],
        reactivated=reactivated,
    )
    return Identified(person, match, submission, departed)


async def _close_channels(session: AsyncSession, person: Person, channels: Iterable[str]) -> bool:
    """
    Unite the opt-outs that arrive with those of a locked person; to take one back, somebody changes the person.

    Whether one of them is new.
    """
    closed = sorted({*person.do_not_contact_channels, *channels})
    if closed == sorted(person.do_not_contact_channels):
        return False
    person.do_not_contact_channels = closed
    await session.flush()
    audit.note(session, person_ids=[person.person_id], fields=["do_not_contact_channels"])
    return True


async def bring_back(session: AsyncSession, person: Person) -> bool:
    """Make a locked person active again; whether they were inactive."""
    was_inactive = not person.is_active
    if was_inactive:
        person.is_active = True
        await session.flush()
        audit.note(session, person_ids=[person.person_id], fields=["is_active"])
    return was_inactive


async def _outcome_of_existing(session: AsyncSession, person_id: UUID) -> MatchOutcome:
    was_patient = await queries.was_ever(session, person_id=person_id, type_name=PATIENT_ROLE)
    return "returning_patient" if was_patient else "existing_person"


def _note(session: AsyncSession, person_id: UUID, fields: Iterable[str]) -> None:
    audit.note(session, record_type="person", record_id=person_id, person_ids=[person_id], fields=fields)


__all__ = [
    "PATIENT_ROLE",
    "Identified",
    "apply_change",
    "change_person",
    "deactivate_person",
    "end_role",
    "file_probable_duplicates",
    "give_role",
    "identify",
    "identify_known",
    "identify_or_create",
    "keep_submission",
    "lock_new_email",
    "probe",
]
