"""
Who owns a person's patient record or lead has them in their caseload. So a service calls `take_over` before it sets an
owner; else one would open a colleague's case by making oneself its owner.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import answering, views
from app.access.models import UserAccount
from app.access.openings import queries, service
from app.access.openings.errors import ReasonNeeded
from app.access.policy import is_bound_to_caseload, is_from_outside
from app.access.queries import does_work
from app.access.reasons import ACCESS_REASON
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.settings import Caseload

_known: ContextVar[dict[tuple[UUID, str], bool] | None] = ContextVar("known_owners", default=None)


@contextmanager
def owners_asked_about_once() -> Iterator[None]:
    """Within the block, which gives many records to a few, it is asked once of each whether they do the work."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


async def may_own(session: AsyncSession, owner_id: UUID | None, *, permission: str) -> bool:
    """Whether the account that is to own a record is one whose role does the work, `permission`; nobody may too."""
    if owner_id is None:
        return True
    known = _known.get()
    if known is not None and (owner_id, permission) in known:
        return known[owner_id, permission]
    work = does_work(permission, UserAccount.user_account_id == owner_id)
    found = bool(await session.scalar(select(work)))
    if known is not None:
        known[owner_id, permission] = found
    return found


async def require_owner(session: AsyncSession, owner_id: UUID | None, *, permission: str) -> None:
    """Invalid when the account that is to own a record is not one that may (`may_own`)."""
    if owner_id is None or await may_own(session, owner_id, permission=permission):
        return
    if await session.get(UserAccount, owner_id) is None:
        raise invalid_field("owner_id", "unknown_reference", "There is no such account.")
    raise invalid_field("owner_id", "does_not_do_this_work", "This account has no role that does this work.")


async def owner_of_new(session: AsyncSession, actor: Actor, owner_id: UUID | None, *, permission: str) -> UUID | None:
    """
    Who owns a new record that names this owner. Invalid as in `require_owner`.

    What people send in is always kept: a form that names a colleague who has left opens a record without an owner.
    """
    if is_from_outside(actor.roles) and owner_id is not None:
        is_known = await session.get(UserAccount, owner_id) is not None
        if is_known and not await may_own(session, owner_id, permission=permission):
            return None
    await require_owner(session, owner_id, permission=permission)
    return owner_id


async def take_over(
    session: AsyncSession,
    actor: Actor,
    *,
    person_ids: Collection[UUID],
    owner_id: UUID | None,
    reason: str | None = None,
) -> None:
    """
    To be called before `owner_id` becomes the owner of records of these persons, and with None before they have none.

    ReasonNeeded when that brings a colleague's people into the actor's caseload and no reason is stated: `reason`, the
    request's X-Access-Reason, or one of the last hour. One reason is for a whole selection, and filed for each person.
    Until the request is over they are shown as if nothing had changed.
    """
    access = answering.current_access()
    if access is None or access.caseload is not Caseload.ASSIGNED:
        return
    if not is_bound_to_caseload(actor.roles, access.permission):
        return
    outside = await views.outside_before_change(session, actor, person_ids=person_ids)
    if owner_id not in {None, actor.account_id}:
        return
    outside -= await queries.opened_persons(session, actor, kind="outside_caseload", now=clock.now())
    stated = reason or access.reason
    if outside and stated is None:
        (only,) = outside if len(outside) == 1 else (None,)
        raise ReasonNeeded(extra={"header": ACCESS_REASON, "person_id": None if only is None else str(only)})
    if outside:
        await service.state_reason(session, actor, person_ids=outside, reason=str(stated))


async def give_back(
    session: AsyncSession, actor: Actor, *, record: Any, before: Mapping[str, Any], permission: str
) -> list[str]:
    """
    Give a locked record of a person the owner whom it had in an earlier version; the fields that this changes.

    Invalid as in `require_owner`; ReasonNeeded as in `take_over`.
    """
    owner_id = UUID(before["owner_id"]) if before["owner_id"] else None
    if owner_id == record.owner_id:
        return []
    await require_owner(session, owner_id, permission=permission)
    await take_over(session, actor, person_ids=[record.person_id], owner_id=owner_id)
    record.owner_id = owner_id
    return ["owner_id"]


async def is_case_open(session: AsyncSession, actor: Actor, *, person_id: UUID) -> bool:
    """
    Whether a refusal may tell what the case of this person holds, and then notes the purpose as an answer does.

    A reason that the request itself states opens nothing here: what a refused request files is undone with it.
    """
    access = answering.current_access()
    if access is None or not views.is_bound(actor, access):
        return True
    return not await views.closed_cases(session, actor, replace(access, reason=None), person_ids={person_id})
