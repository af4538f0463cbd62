"""What is wrong with a form is said above it, of each field by the label that it has there, with a link to it."""

import html
import re
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user
from tests.builders import a_lead, a_patient, a_person, a_task, a_trial_journey

LINE = re.compile(r'<li><a href="#([^"]+)">(.*?)</a></li>', re.DOTALL)


def told(page: str) -> dict[str, str]:
    """What the summary says of each field, up to the colon; each link leads to something."""
    found = {}
    for place, said in LINE.findall(page):
        assert re.search(rf'id="{re.escape(place)}"', page), place
        found[place.removeprefix("field-")] = html.unescape(said).partition(": ")[0]
    return found


CALL = {"outcome": "reached", "call_duration_minutes": "long", "follow_up": "x" * 300}


@pytest.mark.parametrize(
    ("place", "sent", "expected"),
    [
        (
            "/patients/{patient_id}/calls",
            CALL,
            {
                "call_duration_minutes": "Minutes",
                "adverse_event_heard": "Side effect or worsening mentioned",
                "follow_up": "Task",
            },
        ),
        ("/leads/{lead_id}/bookings", {"booking_date": "soon"}, {"booking_date": "When"}),
        (
            "/patients/{patient_id}/tasks",
            {"title": "", "due_on": "once"},
            {"title": "What is to be done", "due_on": "Due on"},
        ),
        ("/patients/{patient_id}/clinical-trial-journeys/{journey_id}/move", {"to": "nowhere"}, {"to": "Where to"}),
        ("/account/availability", {"day_1": "always"}, {"day_1": "Monday"}),
    ],
)
async def test_each_wrong_field_is_told_by_its_label(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    place: str,
    sent: dict[str, Any],
    expected: dict[str, str],
) -> None:
    patient, lead = await a_patient(session), await a_lead(session)
    journey = await a_trial_journey(session, patient)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    ids = {"patient_id": patient.patient_id, "lead_id": lead.lead_id, "journey_id": journey.ct_journey_id}

    answer = await client.post(place.format(**ids), data=sent | {"csrf_token": token}, headers=ORIGIN)

    assert answer.status_code == 422, answer.text
    assert told(answer.text) == expected


@pytest.mark.parametrize(
    ("role", "place", "sent", "expected"),
    [
        ("admin", "/users", {"email": "x", "roles": "emperor"}, {"roles": "Roles", "email": "Work e-mail"}),
        ("admin", "/api-keys", {"name": "", "scopes": "nothing"}, {"scopes": "Permissions"}),
        ("data_steward", "/patients/export/file", {"reason": "Why", "format": "csv"}, {"columns": "Columns"}),
    ],
)
async def test_choices_are_told_by_their_label_too(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    role: str,
    place: str,
    sent: dict[str, Any],
    expected: dict[str, str],
) -> None:
    token = await as_user(client, session, settings, role)

    answer = await client.post(place, data=sent | {"csrf_token": token}, headers=ORIGIN)

    assert answer.status_code == 422, answer.text
    assert expected.items() <= told(answer.text).items()


async def test_a_field_that_the_page_does_not_show_is_told_by_the_sentence_alone(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    task = await a_task(session, await a_person(session), rule="side_effect")
    token = await as_user(client, session, settings, "navigator")

    sent = {"csrf_token": token, "to": "some day"}
    answer = await client.post(f"/tasks/{task.task_id}/snooze", data=sent, headers=ORIGIN)

    assert answer.status_code == 422
    assert re.search(r'<a href="#field-to">[^:<]+</a>', answer.text)
