"""What arrives for a lead, call or journey and differs from ours is accepted by the rules of a PUT of that field."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.models import JourneyEvent
from app.people import suggestions
from app.people.errors import ValueNotAllowed
from app.people.models import SuggestedChange
from app.platform import clock
from app.platform.actor import Actor
from app.platform.states import TransitionNotAllowed
from tests import builders

Row = Any


async def _call(session: AsyncSession) -> Row:
    return await builders.a_call(session, await builders.a_patient(session), booking_date=clock.now())


async def _trial_journey(session: AsyncSession) -> Row:
    return await builders.a_trial_journey(session, await builders.a_patient(session))


async def _eap_journey(session: AsyncSession) -> Row:
    return await builders.an_eap_journey(session, await builders.a_patient(session))


MAKE: dict[str, Callable[[AsyncSession], Awaitable[Row]]] = {
    "patient_lead": builders.a_lead,
    "call_history": _call,
    "clinical_trial_journey": _trial_journey,
    "eap_journey": _eap_journey,
}
KEYS = {
    "patient_lead": "lead_id",
    "call_history": "call_id",
    "clinical_trial_journey": "ct_journey_id",
    "eap_journey": "eap_journey_id",
}


async def _suggested(
    session: AsyncSession, table: str, row: Row, field: str, theirs: Any, source: str = "import"
) -> UUID:
    patient_or_person = row if hasattr(row, "person_id") else await builders.a_patient(session)
    suggestion = SuggestedChange(
        person_id=patient_or_person.person_id,
        table_name=table,
        record_id=getattr(row, KEYS[table]),
        field=field,
        ours=suggestions.as_json(getattr(row, field)),
        ours_version=row.version,
        theirs=theirs,
        value_hash=suggestions.value_hash(theirs),
        source=source,
    )
    session.add(suggestion)
    await session.flush()
    return suggestion.suggested_change_id


@pytest.mark.parametrize(
    ("table", "field", "theirs", "then"),
    [
        ("patient_lead", "status", "contacting", "contacting"),
        ("call_history", "call_duration_minutes", 45, 45),
        ("call_history", "notes", "Called twice.", "Called twice."),
        ("call_history", "status", "completed", "completed"),
        ("clinical_trial_journey", "ineligible_reason", "Too young", "Too young"),
        ("clinical_trial_journey", "status", "pre_screening", "pre_screening"),
        ("eap_journey", "enrollment_date", "2026-03-01", date(2026, 3, 1)),
    ],
)
async def test_suggestion_is_accepted(
    session: AsyncSession, actor: Actor, table: str, field: str, theirs: Any, then: Any
) -> None:
    row = await MAKE[table](session)
    await session.refresh(row)
    suggested_change_id = await _suggested(session, table, row, field, theirs)

    await suggestions.accept(session, actor, suggested_change_id=suggested_change_id)

    await session.refresh(row)
    assert getattr(row, field) == then


async def test_a_move_that_the_states_do_not_know_is_refused_and_stays_open(
    session: AsyncSession, actor: Actor
) -> None:
    row = await _trial_journey(session)
    await session.refresh(row)
    suggested_change_id = await _suggested(session, "clinical_trial_journey", row, "status", "completed", "intake_form")

    with pytest.raises(TransitionNotAllowed):
        await suggestions.accept(session, actor, suggested_change_id=suggested_change_id)

    found = await session.get_one(SuggestedChange, suggested_change_id)
    assert (found.decision, row.status) == ("open", "identified")


async def test_a_stage_of_the_old_system_is_taken_over_without_the_moves_in_between(
    session: AsyncSession, actor: Actor
) -> None:
    row = await _trial_journey(session)
    await session.refresh(row)
    suggested_change_id = await _suggested(session, "clinical_trial_journey", row, "status", "screening")

    why = suggestions.Why("Seen in the old system.")
    await suggestions.accept(session, actor, suggested_change_id=suggested_change_id, why=why)

    events = await session.scalars(select(JourneyEvent).where(JourneyEvent.ct_journey_id == row.ct_journey_id))
    assert [(one.from_status, one.to_status, one.via, one.reason) for one in events if one.via == "import"] == [
        ("identified", "screening", "import", "Seen in the old system.")
    ]
    assert row.status == "screening"


async def test_a_state_that_does_not_exist_is_not_taken_over(session: AsyncSession, actor: Actor) -> None:
    row = await _trial_journey(session)
    await session.refresh(row)
    suggested_change_id = await _suggested(session, "clinical_trial_journey", row, "status", "elsewhere")

    with pytest.raises(ValueNotAllowed):
        await suggestions.accept(session, actor, suggested_change_id=suggested_change_id)


async def test_a_value_that_no_put_takes_is_refused(session: AsyncSession, actor: Actor) -> None:
    row = await _call(session)
    await session.refresh(row)
    suggested_change_id = await _suggested(session, "call_history", row, "call_duration_minutes", "45")

    with pytest.raises(ValueNotAllowed):
        await suggestions.accept(session, actor, suggested_change_id=suggested_change_id)
