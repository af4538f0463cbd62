from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.exports import queries
from app.exports.errors import ExportDecided, ExportNotOpen, ExportRequestNotFound, OwnExport, TooManyAsked
from app.exports.models import ExportRequest
from app.exports.schemas import ExportDecision
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Forbidden

WAITS: Final = timedelta(days=7)
"""For a decision."""
OPEN_FOR: Final = timedelta(hours=24)
"""So long an approved export can be taken out."""
_MOST_OPEN: Final = 10


@dataclass(frozen=True)
class Wanted:
    """What is to be taken out of which list, and why."""

    list_name: str
    question: Mapping[str, str]
    columns: Sequence[str]
    reason: str


async def ask_for_export(session: AsyncSession, actor: Actor, *, wanted: Wanted) -> ExportRequest:
    """Ask a second person for an export; TooManyAsked."""
    actor.require("list.export")
    if actor.account_id is None:
        raise Forbidden
    if await queries.count_open(session, actor, most=_MOST_OPEN) >= _MOST_OPEN:
        raise TooManyAsked
    request = ExportRequest(
        requested_by=actor.account_id,
        list_name=wanted.list_name,
        question=dict(wanted.question),
        columns=list(wanted.columns),
        reason=wanted.reason,
        expires_at=clock.now() + WAITS,
        updated_by=actor.account_id,
    )
    session.add(request)
    await session.flush()
    audit.note(session, record_type="export_request", record_id=request.export_request_id)
    return request


async def decide(
    session: AsyncSession, actor: Actor, *, export_request_id: UUID, wanted: ExportDecision
) -> ExportRequest:
    """Agree to an export or refuse it, once. ExportRequestNotFound, OwnExport, ExportDecided."""
    request = await queries.get_request(session, actor, export_request_id=export_request_id, for_update=True)
    if actor.account_id is None:
        raise Forbidden
    if await queries.may_be_one_human(session, request.requested_by, actor.account_id):
        raise OwnExport
    _decide(request, actor, wanted.decision)
    request.decision_note = wanted.note
    if wanted.decision == "approved":
        request.expires_at = clock.now() + OPEN_FOR
    return await _noted(session, request, ["decision", "decision_note"])


async def withdraw(session: AsyncSession, actor: Actor, *, export_request_id: UUID) -> ExportRequest:
    """Take back one's own request before it is decided. ExportRequestNotFound, ExportDecided."""
    request = await _own(session, actor, export_request_id)
    _decide(request, actor, "withdrawn")
    return await _noted(session, request, ["decision"])


async def take_out(session: AsyncSession, actor: Actor, *, export_request_id: UUID) -> ExportRequest:
    """Note that one's own approved export is taken out now. ExportRequestNotFound, ExportNotOpen."""
    request = await _own(session, actor, export_request_id)
    if request.decision != "approved" or request.expires_at <= clock.now():
        raise ExportNotOpen
    request.taken_at = clock.now()
    return await _noted(session, request, ["taken_at"])


async def _own(session: AsyncSession, actor: Actor, export_request_id: UUID) -> ExportRequest:
    request = await queries.get_request(session, actor, export_request_id=export_request_id, for_update=True)
    if request.requested_by != actor.account_id:
        raise ExportRequestNotFound
    return request


def _decide(request: ExportRequest, actor: Actor, decision: str) -> None:
    if request.decision != "open" or request.expires_at <= clock.now():
        raise ExportDecided
    request.decision, request.decided_at, request.decided_by = decision, clock.now(), actor.account_id


async def _noted(session: AsyncSession, request: ExportRequest, fields: Sequence[str]) -> ExportRequest:
    await session.flush()
    audit.note(session, record_type="export_request", record_id=request.export_request_id, fields=fields)
    return request
