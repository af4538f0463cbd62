"""
All open work of a colleague is handed to others: of one who is absent, and of one who leaves.

It is done in batches: each change has its version, its audit event and its notification, and what somebody else has
changed meanwhile is left. A batch that breaks off has handed nothing over, those before it stand; asked again, the next
one goes on with what is still open, but for the records that it is told to leave. Two at once follow each other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.access.ownership import owners_asked_about_once, require_owner
from app.audit import service as audit
from app.audit.history import before_own_change
from app.availability.errors import ColleagueNotFound
from app.calls import service as calls
from app.calls.models import CallHistory
from app.calls.queries import OF_A_DELETED_PATIENT, get_call
from app.calls.schemas import CallUpdate
from app.calls.states import CALL
from app.casework.schemas import HandedOver, HandOver, HandOverChange, HandOverLeft, OpenWork
from app.leads import service as leads
from app.leads.models import PatientLead
from app.leads.queries import get_lead, lock_leads
from app.leads.schemas import LeadUpdate
from app.leads.states import LEAD
from app.patients import service as patients
from app.patients.models import Patient
from app.patients.queries import get_patient, lock_patients
from app.patients.schemas import PatientUpdate
from app.patients.states import PATIENT
from app.people.locks import holding
from app.platform.actor import Actor
from app.platform.advisory_locks import LockOf, lock_values_until_commit
from app.platform.db import Base
from app.platform.errors import AppError, Stale, Unavailable, invalid_field
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.problems import translate
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.queries import get_task, lock_tasks
from app.tasks.schemas import TaskUpdate
from app.tasks.states import TASK

BATCH: Final = 100
"""Records of one request, so that none holds its locks long."""


@dataclass(frozen=True)
class Kind:
    """
    A kind of open work: whose it is, which rows are open, and how one is changed and put back. `lock` locks many.
    """

    name: str
    key: str
    model: type[Base]
    owner: Any
    is_open: tuple[ColumnElement[bool], ...]
    permission: str
    get: Callable[..., Awaitable[Any]]
    give: Callable[..., Awaitable[Any]]
    undo: Callable[..., Awaitable[Any]]
    lock: Callable[[AsyncSession, Sequence[UUID]], Awaitable[Mapping[UUID, Any]]] | None = None

    @property
    def id(self) -> ColumnElement[UUID]:
        found: ColumnElement[UUID] = getattr(self.model, self.key)
        return found

    def open_of(self, whose: UUID) -> Select[Any]:
        """The keys of the open records of an account; of calls those of its person."""
        return select(self.id).where(self.owner == whose, *self.is_open)


def _giving(change: Callable[..., Awaitable[Any]], update: Any, key: str) -> Callable[..., Awaitable[Any]]:
    async def give(session: AsyncSession, actor: Actor, record_id: UUID, owner: Any, version: int) -> Any:
        body = update(owner_id=owner.account_id)
        return await change(session, actor, **{key: record_id}, change=body, if_match=etag(version))

    return give


async def _give_patient(session: AsyncSession, actor: Actor, record_id: UUID, owner: Any, version: int) -> Any:
    # The tag of a patient names their person's version too: it is asked under the lock that the change takes anyway.
    if (await get_patient(session, actor, patient_id=record_id, for_update=True)).version != version:
        raise Stale
    change = PatientUpdate(owner_id=owner.account_id)
    return await patients.change_patient(session, actor, patient_id=record_id, change=change)


async def _give_call(session: AsyncSession, actor: Actor, record_id: UUID, owner: Any, version: int) -> Any:
    change = CallUpdate(pn_id=owner.person_id, allow_overlap=True)
    return await calls.correct_call(session, actor, call_id=record_id, change=change, if_match=etag(version))


async def _undo_call(session: AsyncSession, actor: Actor, *, call_id: UUID, since: int, until: int) -> Any:
    before = await before_own_change(session, record_id=call_id, account_id=actor.account_id, since=since, until=until)
    change = CallUpdate.model_validate({"pn_id": before["pn_id"], "allow_overlap": True})
    return await calls.correct_call(session, actor, call_id=call_id, change=change, if_match=etag(until))


def _states(machine: Any) -> list[str]:
    return [state for state in machine.states if machine.is_open(state)]


KINDS: Final = (
    Kind(
        name="leads",
        key="lead_id",
        model=PatientLead,
        owner=PatientLead.owner_id,
        is_open=(PatientLead.status.in_(_states(LEAD)),),
        permission="lead.write",
        get=get_lead,
        give=_giving(leads.change_lead, LeadUpdate, "lead_id"),
        undo=leads.undo_change,
        lock=lock_leads,
    ),
    Kind(
        name="patients",
        key="patient_id",
        model=Patient,
        owner=Patient.owner_id,
        is_open=(Patient.status.in_(_states(PATIENT)), Patient.deleted_at.is_(None)),
        permission=patients.OWNERS_WORK,
        get=get_patient,
        give=_give_patient,
        undo=patients.undo_change,
        lock=lock_patients,
    ),
    Kind(
        name="calls",
        key="call_id",
        model=CallHistory,
        owner=CallHistory.pn_id,
        is_open=(
            CallHistory.status.in_(_states(CALL)),
            CallHistory.voided_at.is_(None),
            ~OF_A_DELETED_PATIENT,
        ),
        permission=calls.TAKES_CALLS,
        get=get_call,
        give=_give_call,
        undo=_undo_call,
    ),
    Kind(
        name="tasks",
        key="task_id",
        model=Task,
        owner=Task.owner_id,
        is_open=(Task.status.in_(_states(TASK)),),
        permission=tasks.OWNERS_WORK,
        get=get_task,
        give=_giving(tasks.change_task, TaskUpdate, "task_id"),
        undo=tasks.undo_change,
        lock=lock_tasks,
    ),
)
Act = Callable[[], Awaitable[HandOverChange]]
_BY_NAME: Final = {kind.name: kind for kind in KINDS}


async def open_work_of(session: AsyncSession, *, account_id: UUID) -> OpenWork:
    """How much open work an account has, by kind, and of nothing more. ColleagueNotFound."""
    account = await _account(session, account_id)
    counts = {kind.name: await _count(session, kind, account) for kind in KINDS}
    audit.note(session, record_type="user_account", record_id=account_id)
    return OpenWork(**_named(account), **counts)


async def hand_over(
    session: AsyncSession, actor: Actor, *, account_id: UUID, order: HandOver, request_id: str | None
) -> HandedOver:
    """
    Hand a batch of the open work over, each kind in turn to those who are named for it.

    ColleagueNotFound; Invalid for somebody who does not do this work, and for the colleague themselves.
    """
    account = await _account(session, account_id)
    await lock_values_until_commit(session, {LockOf.HAND_OVER: [str(account_id)]})
    wanted = {kind: await _receivers(session, kind, account_id, getattr(order, kind.name)) for kind in KINDS}
    done: list[HandOverChange] = []
    left: list[HandOverLeft] = []
    for kind, receivers in wanted.items():
        whose = _owner_of(kind, account)
        room = BATCH - len(done) - len(left)
        if not receivers or whose is None or room <= 0:
            continue
        wanted_ids = kind.open_of(whose).where(kind.id.not_in(order.leave))
        ids = (await session.scalars(wanted_ids.order_by(kind.id).limit(room))).all()
        acts: dict[UUID, Act] = {}
        for record_id, receiver in zip(ids, cycle(receivers), strict=False):

            async def give(one: UUID = record_id, kind: Kind = kind, to: _Colleague = receiver) -> HandOverChange:
                since = (await kind.get(session, actor, **{kind.key: one})).version
                changed = await kind.give(session, actor, one, to, since)
                return HandOverChange(kind=kind.name, record_id=one, since=since, until=changed.version)

            acts[record_id] = give
        await _all(session, actor, kind, acts, done, left, request_id=request_id)
    audit.note(session, record_type="user_account", record_id=account_id)
    remaining = {kind.name: await _count(session, kind, account) for kind in KINDS}
    return HandedOver(done=done, left=left, remaining=OpenWork(**_named(account), **remaining))


async def undo_hand_over(
    session: AsyncSession, actor: Actor, *, account_id: UUID, changes: Sequence[HandOverChange], request_id: str | None
) -> HandedOver:
    """Put back what one has just handed over, of each record that is as one has left it. ColleagueNotFound."""
    account = await _account(session, account_id)
    done: list[HandOverChange] = []
    left: list[HandOverLeft] = []
    in_order = sorted(changes, key=lambda change: (change.kind, change.record_id))
    for name, some in groupby(in_order, key=lambda change: change.kind):
        kind, acts = _BY_NAME[name], {}
        for one in some:

            async def undo(one: HandOverChange = one, kind: Kind = kind) -> HandOverChange:
                undone = await kind.undo(session, actor, **{kind.key: one.record_id}, since=one.since, until=one.until)
                return one.model_copy(update={"since": one.until, "until": undone.version})

            acts[one.record_id] = undo
        await _all(session, actor, kind, acts, done, left, request_id=request_id, is_undo=True)
    audit.note(session, record_type="user_account", record_id=account_id)
    remaining = {kind.name: await _count(session, kind, account) for kind in KINDS}
    return HandedOver(done=done, left=left, remaining=OpenWork(**_named(account), **remaining))


@dataclass(frozen=True)
class _Colleague:
    """By which keys records name somebody: a value, which a change that is undone does not expire."""

    account_id: UUID
    person_id: UUID | None
    name: str


async def _all(
    session: AsyncSession,
    actor: Actor,
    kind: Kind,
    acts: Mapping[UUID, Act],
    done: list[HandOverChange],
    left: list[HandOverLeft],
    *,
    request_id: str | None,
    is_undo: bool = False,
) -> None:
    """
    Act on these records, each with an event of its own: together, as it goes most times, and where one is refused on
    each by itself. That one is left as it was and named by its code.
    """
    action = f"{'undo_' if is_undo else ''}hand_over_{kind.name}"
    with owners_asked_about_once():
        try:
            together: list[HandOverChange] = []
            kept: list[audit.Event] = []
            async with session.begin_nested():
                with holding({} if kind.lock is None else await kind.lock(session, list(acts))):
                    for act in acts.values():
                        async with audit.event_of_its_own(
                            session, actor, action=action, request_id=request_id, kept=kept
                        ):
                            together.append(await act())
                await audit.write_kept(session, kept)
            done += together
        except (AppError, DBAPIError) as error:
            _refusal(error)
            for record_id, act in acts.items():
                try:
                    async with (
                        session.begin_nested(),
                        audit.event_of_its_own(session, actor, action=action, request_id=request_id),
                    ):
                        done.append(await act())
                except (AppError, DBAPIError) as refused:
                    left.append(HandOverLeft(kind=kind.name, record_id=record_id, code=_refusal(refused)))


def _refusal(error: AppError | DBAPIError) -> str:
    """The code of what a record was refused for. What is no refusal of a record is raised."""
    # By its SQLSTATE: which rule of which package it was is not known here.
    known = translate(error, {})
    if known is None or isinstance(known, Unavailable):
        raise error
    return Stale.code if isinstance(known, Stale) else known.error_code


async def _account(session: AsyncSession, account_id: UUID) -> _Colleague:
    account = await session.get(UserAccount, account_id)
    if account is None or account.kind != "human":
        raise ColleagueNotFound
    return _Colleague(account_id, account.person_id, account.display_name)


def _named(account: _Colleague) -> Mapping[str, Any]:
    return {"user_account_id": account.account_id, "display_name": account.name}


def _owner_of(kind: Kind, account: _Colleague) -> UUID | None:
    return account.person_id if kind.name == "calls" else account.account_id


async def _count(session: AsyncSession, kind: Kind, account: _Colleague) -> int:
    whose = _owner_of(kind, account)
    if whose is None:
        return 0
    found = await session.scalar(select(func.count()).select_from(kind.open_of(whose).subquery()))
    return int(found or 0)


async def _receivers(session: AsyncSession, kind: Kind, account_id: UUID, ids: Sequence[UUID]) -> Sequence[_Colleague]:
    found = []
    for receiver_id in dict.fromkeys(ids):
        if receiver_id == account_id:
            raise invalid_field(kind.name, "is_the_same", _("This is the colleague whose work is handed over."))
        try:
            await require_owner(session, receiver_id, permission=kind.permission)
        except AppError as error:
            raise invalid_field(kind.name, error.fields[0].code, error.fields[0].message) from error
        account = await _account(session, receiver_id)
        if kind.name == "calls" and account.person_id is None:
            raise invalid_field(kind.name, "takes_no_calls", "This person has no account whose role takes calls.")
        found.append(account)
    return found
