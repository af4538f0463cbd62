"""Which moves of a lead are right, and what each needs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.events.moves import Finding, Move, Step, decide_move
from app.leads.models import PatientLead
from app.leads.rules import LEAD_MOVES, LeadStep, allowed_transitions
from app.leads.states import LEAD
from app.platform.errors import Invalid
from app.platform.states import TransitionNotAllowed

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
TOMORROW = date(2026, 3, 15)
OPEN = [state for state in LEAD.states if LEAD.is_open(state)]
CLOSED = [state for state in LEAD.states if not LEAD.is_open(state)]
SOMEBODY = uuid4()


def decide(state: str, step: Step) -> Move:
    return decide_move(LEAD_MOVES, step, state=state, now=NOW)


@pytest.mark.parametrize("status", OPEN)
def test_every_open_lead_can_be_converted_and_closed(status: str) -> None:
    for to in CLOSED:
        step = LeadStep(
            to,
            reason="Their words.",
            duplicate_of_person_id=SOMEBODY if to == "duplicate" else None,
        )
        move = decide(status, step)
        assert (move.from_status, move.to, move.happened_at) == (status, to, NOW)


@pytest.mark.parametrize("status", ["converted", "duplicate", "withdrawn"])
def test_what_is_closed_for_good_goes_nowhere(status: str) -> None:
    with pytest.raises(TransitionNotAllowed) as refused:
        decide(status, LeadStep("contacting"))
    assert refused.value.extra == {"allowed": []}


@pytest.mark.parametrize("status", ["unreachable", "disqualified"])
@pytest.mark.parametrize(("days", "is_in_time"), [(0, True), (30, True), (30.001, False), (400, False)])
async def test_lead_is_reopened_within_thirty_days(*, status: str, days: float, is_in_time: bool) -> None:
    closed_at = NOW - timedelta(days=days)
    assert allowed_transitions(status, closed_at=closed_at, now=NOW) == (["contacting"] if is_in_time else [])

    lead, move = PatientLead(closed_at=closed_at), decide(status, LeadStep("contacting"))
    [condition] = LEAD_MOVES.conditions_of(status, "contacting")
    found = await condition.find(None, [lead], move)  # type: ignore[arg-type]  # asks no table

    assert found == [Finding.MET if is_in_time else Finding.NOT_MET]


def test_lost_means_disqualified_and_words_alone_count_as_other() -> None:
    move = decide("new", LeadStep("lost", reason="Moved away."))
    assert (move.to, move.reason_code) == ("disqualified", "other")


@pytest.mark.parametrize(
    ("step", "errors"),
    [
        ({"to": "disqualified"}, [("reason_code", "reason_needed")]),
        ({"to": "lost"}, [("reason_code", "reason_needed")]),
        ({"to": "disqualified", "reason_code": "other"}, [("reason", "reason_needed")]),
        ({"to": "disqualified", "reason_code": "spam_test"}, []),
        ({"to": "unreachable", "reason_code": "spam_test"}, [("reason_code", "not_of_this_status")]),
        ({"to": "unreachable"}, []),
        ({"to": "nurture"}, [("wake_up_on", "missing")]),
        ({"to": "nurture", "wake_up_on": date(2026, 3, 13)}, [("wake_up_on", "in_the_past")]),
        ({"to": "nurture", "wake_up_on": TOMORROW}, []),
        ({"to": "contacting", "wake_up_on": TOMORROW}, [("wake_up_on", "not_of_this_status")]),
        ({"to": "duplicate"}, [("duplicate_of_person_id", "missing")]),
        ({"to": "duplicate", "duplicate_of_person_id": SOMEBODY}, []),
        (
            {"to": "withdrawn", "duplicate_of_person_id": SOMEBODY},
            [("duplicate_of_person_id", "not_of_this_status")],
        ),
        ({"to": "contacting", "happened_at": NOW + timedelta(minutes=6)}, [("happened_at", "in_the_future")]),
        ({"to": "contacting", "happened_at": NOW + timedelta(minutes=4)}, []),
    ],
)
def test_each_state_gets_what_it_needs_and_nothing_else(step: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    found: list[tuple[str, str]] = []
    try:
        decide("new", LeadStep(**step))
    except Invalid as refused:
        found = [(error.field, error.code) for error in refused.fields]
    assert found == errors


def test_converting_is_not_among_the_moves_shown() -> None:
    assert allowed_transitions("new", closed_at=None, now=NOW) == [
        "contacting",
        "call_booked",
        "nurture",
        "unreachable",
        "disqualified",
        "duplicate",
        "withdrawn",
    ]
