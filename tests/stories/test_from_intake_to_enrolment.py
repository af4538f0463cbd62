"""
The founding document's whole way by HTTP: a form on a landing page, a booking, a no-show, a call, a patient, a trial to
enrolment with an expanded-access request beside it; and the same person again, with another form and another phone.
"""

from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform import clock
from tests.conftest import AsRole

API = "/api/v1"
TO_ENROLMENT = (
    "pre_screening",
    "pre_screen_passed",
    "patient_considering",
    "referral_ready",
    "referred",
    "site_review",
    "site_accepted",
    "screening_scheduled",
    "consented",
    "screening",
    "enrolled",
)


class Speaker:
    """Somebody at the API with a key; a refusal ends the story."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    async def _ask(self, method: str, place: str, expected: int, **asked: Any) -> Any:
        answer = await self.client.request(method, API + place, headers=self.headers, **asked)
        assert answer.status_code == expected, (method, place, answer.text)
        return answer.json()

    async def get(self, place: str, **params: Any) -> Any:
        return await self._ask("GET", place, 200, params=params)

    async def make(self, place: str, expected: int = 201, **body: Any) -> Any:
        return await self._ask("POST", place, expected, json=body)

    async def put(self, place: str, **body: Any) -> Any:
        return await self._ask("PUT", place, 200, json=body)


def at(**ago: float) -> str:
    return (clock.now() - timedelta(**ago)).isoformat()


async def test_from_a_form_to_enrolment_and_back_again_with_another_form(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    form, navigator, manager = [
        Speaker(client, await as_role(role)) for role in ("integration", "navigator", "programme_manager")
    ]
    found = await navigator.get("/medical-conditions", q="DMD")
    dmd = found["items"][0]["medical_condition_id"]

    # A mother fills in the form of a landing page, and books a call in its second step.
    person = {"first_name": "Maria", "last_name": "Jansen", "email": "maria.jansen@example.org", "phone": "0612345678"}
    lead = await form.make(
        "/leads",
        person=person | {"country": "NL"},
        medical_condition_id=dmd,
        source="landing_page",
        landing_page_url="https://example.org/duchenne",
        consent_text_version="2026-02",
    )
    assert (lead["match"]["outcome"], lead["status"]) == ("new_person", "new")
    booked = await form.make(
        "/call-history", lead_id=lead["lead_id"], booking_date=at(days=2), booking_time_zone="Europe/Amsterdam"
    )
    await navigator.make(f"/leads/{lead['lead_id']}/transitions", 200, to="call_booked")

    # She does not pick up; it is booked anew; then they speak.
    missed = await navigator.put(f"/call-history/{booked['call_id']}", no_show=True)
    assert missed["status"] == "no_show"
    await navigator.make(f"/leads/{lead['lead_id']}/transitions", 200, to="contacting")
    anew = await navigator.make(f"/call-history/{booked['call_id']}/reschedule", booking_date=at(days=1))
    unresolved = await navigator.get("/call-history", unresolved="true", lead_id=lead["lead_id"])
    assert [call["call_id"] for call in unresolved["items"]] == [anew["call_id"]]
    called = await navigator.put(
        f"/call-history/{anew['call_id']}",
        call_date=at(days=1),
        outcome="reached",
        adverse_event_heard=False,
        call_duration_minutes=25,
        notes="Son of nine years.\nWants to know of trials.",
    )
    assert (called["status"], called["unresolved_because"]) == ("completed", None)
    for state in ("call_completed", "qualified"):
        await navigator.make(f"/leads/{lead['lead_id']}/transitions", 200, to=state)

    # The lead becomes a patient; nothing has to be moved.
    converted = await navigator.make(f"/leads/{lead['lead_id']}/convert")
    patient = converted["patient"]
    again = await navigator.make(f"/leads/{lead['lead_id']}/convert", 200)
    assert again["patient_id"] == patient["patient_id"]
    calls = await navigator.get(f"/patients/{patient['patient_id']}/calls")
    assert [call["call_id"] for call in calls["items"]] == [anew["call_id"], booked["call_id"]]

    # A physician supports her; a trial recruits; the journey goes to enrolment.
    physician = await navigator.make(
        "/physicians",
        person={"first_name": "Emre", "last_name": "Yilmaz", "email": "e.yilmaz@hospital.example"},
    )
    await navigator.make(
        f"/patients/{patient['patient_id']}/physicians",
        physician_id=physician["physician_id"],
        relationship_type="treating",
        is_primary=True,
    )
    await manager.make("/clinical-trials", trial_id="NCT05096221", title="A trial in DMD", status="recruiting")
    trial_journey = await navigator.make(
        "/clinical-trial-journeys", patient_id=patient["patient_id"], trial_id="nct 05096221", medical_condition_id=dmd
    )
    assert trial_journey["status"] == "identified"
    place = f"/clinical-trial-journeys/{trial_journey['ct_journey_id']}"
    for state in TO_ENROLMENT:
        trial_journey = await navigator.make(f"{place}/transitions", 200, to=state)
    assert (trial_journey["status"], trial_journey["status_group"]) == ("eligible_enrolled", "enrolled")
    assert trial_journey["enrollment_date"] == clock.today().isoformat()

    # Beside it an expanded-access request, and a second trial: a patient has as many journeys as there are.
    programme = await manager.make("/eap-programs", name="Givinostat access", product="Givinostat", countries=["NL"])
    request = await navigator.make(
        "/eap-journeys",
        patient_id=patient["patient_id"],
        eap_program_id=programme["eap_program_id"],
        eap_number="EAP-0001",
    )
    assert (request["status"], request["status_group"]) == ("inquiry", "pending")
    await navigator.make(f"/eap-journeys/{request['eap_journey_id']}/transitions", 200, to="eligibility_review")
    await navigator.make("/clinical-trial-journeys", patient_id=patient["patient_id"], trial_id="NCT03179631")
    journeys = await navigator.get("/clinical-trial-journeys", patient_id=patient["patient_id"])
    assert journeys["total"] == 2

    # Months later she fills in another form, in capitals, with a second family name and a new phone.
    returned = await form.make(
        "/leads",
        person={
            "first_name": "MARIA",
            "last_name": "Jansen-de Boer",
            "email": " Maria.Jansen@EXAMPLE.org ",
            "phone": "+31687654321",
        },
        medical_condition_id=dmd,
        source="contact_form",
    )
    assert returned["person_id"] == patient["person_id"]
    assert returned["lead_id"] != lead["lead_id"]
    assert returned["match"]["outcome"] == "returning_patient"
    kept = await navigator.get(f"/persons/{patient['person_id']}")
    assert (kept["last_name"], kept["phone"]) == ("Jansen", "0612345678")
    suggested = await navigator.get("/suggested-changes", person_id=patient["person_id"], decision="open")
    by_field = {change["field"]: change["suggested_change_id"] for change in suggested["items"]}
    assert {"last_name", "phone"} <= set(by_field)
    await navigator.make(f"/suggested-changes/{by_field['phone']}/accept", 200)
    await navigator.make(f"/suggested-changes/{by_field['last_name']}/reject", 200, reason="Keeps her name.")
    changed = await navigator.get(f"/persons/{patient['person_id']}")
    assert (changed["last_name"], changed["phone"]) == ("Jansen", "+31687654321")
    same = await navigator.make(f"/leads/{returned['lead_id']}/convert", 200)
    assert same["patient_id"] == patient["patient_id"]

    # Nothing is lost: both forms, every call, every step.
    submissions = await navigator.get(f"/persons/{patient['person_id']}/submissions")
    assert [form["payload"]["person"]["phone"] for form in submissions["items"]] == ["+31687654321", "0612345678"]
    roles = await navigator.get(f"/persons/{patient['person_id']}/roles")
    assert {(role["contact_type"]["type_name"], role["is_active"]) for role in roles["items"]} == {
        ("patient-lead", False),
        ("patient", True),
    }
    timeline = await navigator.get(f"/patients/{patient['patient_id']}/timeline", limit=200)
    kinds = [item["kind"] for item in timeline["items"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "lead_status": 8,
        "ct_journey_status": 2 + len(TO_ENROLMENT),
        "eap_journey_status": 2,
        "submission": 2,
        "suggested_change": 2,
        "physician_link": 1,
        "booking": 1,
        "call": 1,
    }
