"""
What an answer shows to whom: the policy's classes, open break-glass, and the caseload, in one place for every entry
point.

An entry point asks `view_of` what is closed to the actor, and `show` gives the answer as it may leave.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel, SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import Shown, View, detail_in, mask, persons_in
from app.access.openings import queries, service
from app.access.openings.errors import ReasonNeeded
from app.access.policy import Sight, is_bound_to_caseload, masked_classes_of, sight_of
from app.access.reasons import ACCESS_REASON
from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Page
from app.platform.settings import Caseload

_BEFORE = "caseload_before_change"
"""The key in a session's info under which it stands whether a person was outside the caseload."""


@dataclass(frozen=True)
class AccessContext:
    """
    By which permission somebody came in, whether caseloads are assigned, and the reason they stated, if any.

    `secret_key` is the settings' CRM_SECRET_KEY.
    """

    permission: str
    secret_key: SecretStr
    caseload: Caseload = Caseload.SHARED
    side_effect_hours: int = 24
    """CRM_SIDE_EFFECT_HOURS, for the task that a side effect makes which is heard of on the way."""
    reason: str | None = None
    makes_new: bool = False
    """The answer is what the actor has just entered: there is nothing to be opened."""


async def view_of(session: AsyncSession, actor: Actor, access: AccessContext) -> View:
    """What is closed to the actor before any particular answer."""
    sight = sight_of(actor.roles, access.permission)
    closed = masked_classes_of(actor.roles, access.permission)
    opened: frozenset[UUID] = frozenset()
    if Sight.MASKED in sight.values():
        opened = await queries.opened_persons(session, actor, kind="break_glass", now=clock.now())
    hidden = frozenset(name for name, how in sight.items() if how is Sight.HIDDEN)
    return View(closed=closed, hidden=hidden, opened=opened, subject=audit.subject(session))


async def show(session: AsyncSession, actor: Actor, access: AccessContext, answers: Sequence[Any]) -> list[Any]:
    """
    `answers`, which are shown together, as the actor may see them.

    ReasonNeeded when one is one record of a case that lies outside their caseload and no reason is stated; in lists,
    and in records of who somebody is, such detail is masked. Notes the purpose when a break-glass or a stated reason
    has opened something, and everybody whom the answers name: an entry point or service notes nobody whom its answer
    names.
    """
    view = await view_of(session, actor, access)
    if is_bound(actor, access):
        people, closing = _cases_in(answers, view.subject)
        view = replace(view, outside=await closed_cases(session, actor, access, person_ids=people, closing=closing))
    shown = [mask(answer, view) for answer in answers]
    if view.used:
        audit.state_purpose(session, "break_glass")
    audit.note(session, person_ids=persons_in(shown))
    return shown


def _cases_in(answers: Sequence[Any], subject: UUID | None) -> tuple[set[UUID | None], set[UUID | None]]:
    """Whose case detail the answers hold; and whose of that stands in a single record of a case."""
    people: set[UUID | None] = set()
    closing: set[UUID | None] = set()
    for answer in answers:
        detail = list(detail_in(answer, subject))
        of_answer = {person for _, person in detail}
        people |= of_answer
        is_single = isinstance(answer, BaseModel) and not isinstance(answer, Page)
        if is_single and any(mark.closes_record for mark, _ in detail):
            closing |= of_answer
    return people, closing


async def view_of_record(
    session: AsyncSession, actor: Actor, access: AccessContext, subject: UUID | None, *, marks: Collection[Shown]
) -> View:
    """
    What is closed to the actor in one person's record that is shown otherwise than as an answer, by its columns' marks.

    ReasonNeeded when it is a record of a case, lies outside their caseload, and no reason is stated.
    """
    view = replace(await view_of(session, actor, access), subject=subject)
    if any(mark.detail for mark in marks) and is_bound(actor, access):
        closing = {subject} if any(mark.closes_record for mark in marks) else set()
        outside = await closed_cases(session, actor, access, person_ids={subject}, closing=closing)
        view = replace(view, outside=outside)
    return view


def is_bound(actor: Actor, access: AccessContext) -> bool:
    """Whether case detail of people outside their caseload is closed to the actor."""
    return (
        access.caseload is Caseload.ASSIGNED
        and not access.makes_new
        and is_bound_to_caseload(actor.roles, access.permission)
    )


async def outside_before_change(session: AsyncSession, actor: Actor, *, person_ids: Collection[UUID]) -> set[UUID]:
    """
    Those of `person_ids` who are not in the actor's caseload, before it changes: for `show` that stands until the
    request is over.
    """
    outside = await _outside(session, actor, person_ids=person_ids)
    before: dict[UUID, bool] = session.info.setdefault(_BEFORE, {})
    before.update({person_id: person_id in outside for person_id in person_ids})
    return outside


async def _outside(session: AsyncSession, actor: Actor, *, person_ids: Collection[UUID]) -> set[UUID]:
    before: dict[UUID, bool] = session.info.get(_BEFORE, {})
    others = [person_id for person_id in person_ids if person_id not in before]
    found = await queries.outside_caseload(session, actor, person_ids=others)
    return {*found, *(person_id for person_id in person_ids if before.get(person_id, False))}


async def closed_cases(
    session: AsyncSession,
    actor: Actor,
    access: AccessContext,
    *,
    person_ids: Collection[UUID | None],
    closing: Collection[UUID | None] = (),
) -> frozenset[UUID | None]:
    """
    Those of `person_ids` whose case detail stays closed, after the reason that was stated now or within the hour.

    ReasonNeeded when one of `closing` is among them.
    """
    known = {person for person in person_ids if person is not None}
    outside: set[UUID | None] = {*await _outside(session, actor, person_ids=known)}
    if None in person_ids:
        # Detail that names nobody cannot be told to be one's own.
        outside.add(None)
    if not outside:
        return frozenset()
    stated = await queries.opened_persons(session, actor, kind="outside_caseload", now=clock.now())
    if outside & stated:
        audit.state_purpose(session, "outside_caseload")
    outside -= stated
    (only,) = outside if len(outside) == 1 else (None,)
    if only is not None and access.reason is not None:
        await service.state_reason(session, actor, person_ids=[only], reason=access.reason)
        return frozenset()
    refused = outside.intersection(closing)
    if refused:
        (only,) = refused if len(refused) == 1 else (None,)
        raise ReasonNeeded(extra={"header": ACCESS_REASON, "person_id": None if only is None else str(only)})
    return frozenset(outside)
