"""What a list of patients tells of each beside the record: two statements a page, however many patients it shows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.calls.queries import IS_CONTACT
from app.calls.states import CALL
from app.casework.schemas import JourneyStage, PatientOverview
from app.journeys.kinds import KINDS
from app.patients.models import Patient
from app.people.models import SuggestedChange
from app.platform import clock

_OPEN_CALLS = [state for state in CALL.states if CALL.is_open(state)]


async def overviews_of(session: AsyncSession, *, patient_ids: Sequence[UUID]) -> dict[UUID, PatientOverview]:
    """The overview of each of these patients, of whom there is at most a page."""
    if not patient_ids:
        return {}
    stages: dict[UUID, list[JourneyStage]] = {}
    for row in await session.execute(_open_journeys(patient_ids)):
        stage = JourneyStage(
            kind=row.kind, journey_id=row.journey_id, status=row.status, status_changed_at=row.status_changed_at
        )
        stages.setdefault(row.patient_id, []).append(stage)
    return {
        row.patient_id: PatientOverview(
            patient_id=row.patient_id,
            person_id=row.person_id,
            journeys=stages.get(row.patient_id, []),
            last_contact_at=row.last_contact_at,
            next_call_at=row.next_call_at,
            next_call_time_zone=row.next_call_time_zone,
            suggested=row.suggested,
        )
        for row in await session.execute(_contacts(patient_ids))
    }


def _open_journeys(patient_ids: Sequence[UUID]) -> Select[*tuple[Any, ...]]:
    of_each = []
    for kind in KINDS:
        table, machine = kind.model.__table__, kind.moves.machine
        of_each.append(
            select(
                literal(kind.name, String).label("kind"),
                table.c[kind.key].label("journey_id"),
                table.c.patient_id,
                table.c.status,
                table.c.status_changed_at,
            ).where(
                table.c.patient_id.in_(patient_ids),
                table.c.status.in_([state for state in machine.states if machine.is_open(state)]),
            )
        )
    together = union_all(*of_each).subquery()
    return select(together).order_by(together.c.status_changed_at.desc(), together.c.journey_id)


def _contacts(patient_ids: Sequence[UUID]) -> Select[*tuple[Any, ...]]:
    """For each patient the last contact, the next booking and how many changes are suggested, by indexes."""
    call, change = CallHistory, SuggestedChange
    of_person = select(call.occurs_at).where(call.person_id == Patient.person_id, call.voided_at.is_(None))
    last = of_person.where(IS_CONTACT).order_by(call.occurs_at.desc()).limit(1)
    coming = of_person.where(call.status.in_(_OPEN_CALLS), call.occurs_at >= clock.now())
    following = coming.order_by(call.occurs_at).limit(1)
    waiting = select(func.count()).where(change.person_id == Patient.person_id, change.decision == "open")
    return select(
        Patient.patient_id,
        Patient.person_id,
        waiting.scalar_subquery().label("suggested"),
        last.scalar_subquery().label("last_contact_at"),
        following.scalar_subquery().label("next_call_at"),
        following.with_only_columns(call.booking_time_zone).scalar_subquery().label("next_call_time_zone"),
    ).where(Patient.patient_id.in_(patient_ids))
