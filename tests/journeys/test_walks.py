"""
Journeys compared with their machines: random walks through the real API, each step predicted from the table.

The walk knows nothing but the machine: after every move the journey is where the model says, and in the end its events
are exactly the moves that were made, so a refused step has changed nothing.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.eap.states import EAP_JOURNEY
from app.journeys.eap.states import reasons_of as eap_reasons_of
from app.journeys.trial.states import TRIAL_JOURNEY
from app.journeys.trial.states import reasons_of as trial_reasons_of
from app.platform.states import Machine
from tests.builders import a_patient, a_physician, a_trial
from tests.conftest import AsRole

Headers = dict[str, str]
Opened = Callable[[str], Awaitable[str]]
"""Opens a journey in a state; its address."""


@dataclass
class Model:
    """What the machine's table says of a journey, and nothing more."""

    machine: Machine
    reasons: Callable[[str], tuple[str, ...]]
    state: str
    passed: list[str] = field(default_factory=list)

    def expect(self, to: str, *, with_reason: bool, by_put: bool) -> tuple[int, str | None]:
        """The status and code of the answer to this step; the model moves when the step does."""
        target = self.machine.state_of(to)
        assert target is not None
        if by_put and target == self.state:
            return (422, "invalid") if with_reason else (200, None)
        if target not in self.machine.allowed(self.state):
            return 409, "transition_not_allowed"
        if target in self.machine.needs_reason and not with_reason:
            return 422, "reason_needed"
        if (self.state, target) == ("deceased", "reporting") and not {"on_treatment", "treatment_ended"} & set(
            self.passed
        ):
            return 409, "guard_not_met"
        self.state = target
        self.passed.append(target)
        return 200, None


@dataclass(frozen=True)
class Asked:
    """A step of a walk: which of all words is asked for (`legal`: which of the allowed ones), and how."""

    pick: int
    legal: bool
    with_reason: bool
    by_put: bool


STEPS = st.lists(
    st.builds(
        Asked,
        pick=st.integers(0, 10_000),
        # Two of three steps are legal, or no walk would come far.
        legal=st.sampled_from([True, True, False]),
        with_reason=st.booleans(),
        by_put=st.booleans(),
    ),
    min_size=1,
    max_size=14,
)
WALK = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def walk(client: httpx.AsyncClient, headers: Headers, place: str, model: Model, steps: list[Asked]) -> None:
    model.passed.append(model.state)
    for asked in steps:
        words = model.machine.allowed(model.state) if asked.legal else ()
        words = words or model.machine.words()
        to = words[asked.pick % len(words)]
        codes = model.reasons(model.machine.state_of(to) or to)
        reason = {"reason_code": codes[asked.pick % (len(codes) - 1)]} if asked.with_reason else {}
        before = model.state
        status, code = model.expect(to, with_reason=asked.with_reason, by_put=asked.by_put)

        if asked.by_put:
            answer = await client.put(place, json={"status": to, **reason}, headers=headers)
        else:
            answer = await client.post(f"{place}/transitions", json={"to": to, **reason}, headers=headers)

        body: dict[str, Any] = answer.json()
        assert (answer.status_code, body.get("code")) == (status, code), f"{before} -> {to}: {answer.text}"
        if code == "transition_not_allowed":
            assert tuple(body["allowed"]) == model.machine.allowed(before)
        if answer.status_code == 200:
            assert body["status"] == model.state
            assert body["status_group"] == model.machine.groups[model.state]
            assert tuple(body["allowed_transitions"]) == model.machine.allowed(model.state)
    events = (await client.get(f"{place}/events", params={"limit": 200}, headers=headers)).json()["items"]
    assert [event["to_status"] for event in events] == model.passed
    assert [event["from_status"] for event in events] == [None, *model.passed[:-1]]


@pytest.fixture
async def navigator(as_role: AsRole) -> Headers:
    return await as_role("navigator")


@pytest.fixture
async def open_trial_journey(client: httpx.AsyncClient, session: AsyncSession, navigator: Headers) -> Opened:
    """Into a recruiting trial with a physician, so that only the machine decides."""
    patient, physician, trial = await a_patient(session), await a_physician(session), await a_trial(session)
    await session.commit()

    async def opened(state: str) -> str:
        body = {
            "patient_id": str(patient.patient_id),
            "physician_id": str(physician.physician_id),
            "clinical_trial_id": str(trial.clinical_trial_id),
            "status": state,
            "happened_at": "2026-01-01T00:00:00Z",
            "reason": "As it was told to us",
        }
        made = await client.post("/api/v1/clinical-trial-journeys", json=body, headers=navigator)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    return opened


@pytest.fixture
async def open_eap_journey(client: httpx.AsyncClient, session: AsyncSession, navigator: Headers) -> Opened:
    patient = await a_patient(session)
    await session.commit()
    numbers = iter(range(10_000))

    async def opened(state: str) -> str:
        body = {
            "patient_id": str(patient.patient_id),
            "eap_number": f"EAP-{next(numbers)}",
            "status": state,
            "happened_at": "2026-01-01T00:00:00Z",
            "reason": "As it was told to us",
        }
        made = await client.post("/api/v1/eap-journeys", json=body, headers=navigator)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    return opened


@WALK
@given(steps=STEPS)
async def test_trial_journey_walks_as_its_machine(
    client: httpx.AsyncClient, navigator: Headers, open_trial_journey: Opened, steps: list[Asked]
) -> None:
    place = await open_trial_journey(TRIAL_JOURNEY.initial)
    await walk(client, navigator, place, Model(TRIAL_JOURNEY, trial_reasons_of, TRIAL_JOURNEY.initial), steps)


@WALK
@given(steps=STEPS)
async def test_eap_journey_walks_as_its_machine(
    client: httpx.AsyncClient, navigator: Headers, open_eap_journey: Opened, steps: list[Asked]
) -> None:
    place = await open_eap_journey(EAP_JOURNEY.initial)
    await walk(client, navigator, place, Model(EAP_JOURNEY, eap_reasons_of, EAP_JOURNEY.initial), steps)


async def test_from_every_state_each_move_of_the_table_is_made_and_one_that_is_not_there_is_refused(
    client: httpx.AsyncClient, navigator: Headers, open_trial_journey: Opened, open_eap_journey: Opened
) -> None:
    """Random walks seldom come far: here every state is started in, and left by one move of its own."""
    chance = random.Random(7)  # noqa: S311 - choices of a test
    for machine, reasons, opened in (
        (TRIAL_JOURNEY, trial_reasons_of, open_trial_journey),
        (EAP_JOURNEY, eap_reasons_of, open_eap_journey),
    ):
        for state in machine.states:
            allowed = machine.allowed(state)
            illegal = chance.choice([word for word in machine.states if word not in allowed])
            steps = [Asked(machine.words().index(illegal), legal=False, with_reason=True, by_put=False)]
            if machine.moves[state]:
                own = chance.randrange(len(machine.moves[state]))
                steps.append(Asked(own, legal=True, with_reason=True, by_put=chance.random() < 0.5))
            place = await opened(state)
            await walk(client, navigator, place, Model(machine, reasons, state), steps)
