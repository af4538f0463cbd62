"""
The seeds' story once more, through a client that openapi-python-client makes from the app's description, unchanged,
against a real server: the description is complete and typed enough to work with.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.serving import environment, serving

TOOLS = Path(sys.executable).parent
PACKAGE = "my_tomorrows_crm_client"
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


@pytest.fixture(scope="module")
def generated(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a freshly made client, importable while the module runs."""
    folder = tmp_path_factory.mktemp("client")
    described = folder / "openapi.json"
    described.write_text(json.dumps(create_app(settings).openapi()))
    # Nobody reads this client, so it is not formatted after it is made.
    config = folder / "config.yaml"
    config.write_text("post_hooks: []\n")
    made = subprocess.run(
        [
            *(TOOLS / "openapi-python-client", "generate", "--path", described),
            *("--output-path", folder / "made", "--config", config),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Warning" not in made.stdout + made.stderr, "a part of the description is not understood"
    sys.path.insert(0, str(folder / "made"))
    yield folder / "made"
    sys.path.remove(str(folder / "made"))
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


class Speaker:
    """Somebody at the server: every answer must be the model that the description promises for success."""

    def __init__(self, url: str, key: str) -> None:
        self.client = importlib.import_module(f"{PACKAGE}.client").AuthenticatedClient(base_url=url, token=key)

    async def __call__(self, place: str, *path: Any, **asked: Any) -> Any:
        """Call the operation in the module `place` of the client and give back the model that it parsed."""
        operation = importlib.import_module(f"{PACKAGE}.api.{place}")
        answer = await operation.asyncio_detailed(*path, client=self.client, **asked)
        assert answer.status_code < HTTPStatus.BAD_REQUEST, answer.content
        return answer.parsed


@pytest.fixture
async def speakers(
    generated: Path, committed_database: Database, committed_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Speaker, Speaker, Speaker]]:
    """An integration, a navigator and a programme manager at a running server."""
    roles = (Role.INTEGRATION, Role.NAVIGATOR, Role.PROGRAMME_MANAGER)
    async with committed_database.unit_of_work() as session:
        keys = [await create_service_key(session, command_actor(), role=role, name=f"story {role}") for role in roles]
    env = environment(CRM_DATABASE_URL=committed_url, CRM_DATA_DIR=str(tmp_path / "data"))
    with serving(tmp_path / "serve.log", env=env) as (_, url):
        form, navigator, manager = (Speaker(url, key) for key in keys)
        async with form.client, navigator.client, manager.client:
            yield form, navigator, manager


async def test_the_story_is_told_by_the_generated_client(speakers: tuple[Speaker, Speaker, Speaker]) -> None:
    form, navigator, manager = speakers
    models = importlib.import_module(f"{PACKAGE}.models")
    now = clock.now()

    conditions = await navigator("medical_conditions.list_medical_conditions", q="Duchenne")
    dmd = conditions.items[0].medical_condition_id
    person = models.PersonCreate(
        first_name="Sofia", last_name="Rossi", email="sofia.rossi@example.org", phone="+39 312 345 6789", country="IT"
    )
    lead = await form(
        "leads.create_lead",
        body=models.LeadCreate(
            person=person,
            medical_condition_id=dmd,
            source=models.LeadCreateSource.LANDING_PAGE,
            landing_page_url="https://example.org/duchenne",
        ),
    )
    assert isinstance(lead, models.LeadCreated)
    assert lead.match.outcome == "new_person"

    booked = await form(
        "calls.create_call",
        body=models.CallForLead(lead_id=lead.lead_id, booking_date=now - timedelta(days=2)),
        idempotency_key=f"booking-{lead.lead_id}",
    )
    assert booked.status == "scheduled"
    missed = await navigator("calls.update_call", booked.call_id, body=models.CallUpdate(no_show=True))
    assert missed.status == "no_show"
    called = await navigator(
        "calls.create_call",
        body=models.CallForLead(
            lead_id=lead.lead_id, call_date=now - timedelta(days=1), outcome="reached", adverse_event_heard=False
        ),
    )
    assert (called.status, called.unresolved_because) == ("completed", None)
    moved = await navigator(
        "leads.move_lead", lead.lead_id, body=models.LeadTransition(to=models.LeadTransitionTo.CONTACTING)
    )
    assert moved.status == "contacting"

    converted = await navigator("leads.convert_lead", lead.lead_id, body=models.Conversion(reason="Wants help."))
    assert isinstance(converted, models.LeadConverted)
    patient_id = converted.patient_id
    again = await navigator("leads.convert_lead", lead.lead_id)
    assert again.patient_id == patient_id
    calls = await navigator("calls.list_calls_of_patient", patient_id)
    assert [call.call_id for call in calls.items] == [called.call_id, booked.call_id]

    physician = await navigator(
        "physicians.create_physician",
        body=models.PhysicianOfNewPerson(
            person=models.PersonCreate(first_name="Luca", last_name="Conti", email="l.conti@hospital.example")
        ),
    )
    trial = await manager(
        "clinical_trials.create_clinical_trial",
        body=models.TrialCreate(trial_id="NCT05881408", status=models.TrialCreateStatus.RECRUITING),
    )
    journey = await navigator(
        "clinical_trial_journeys.create_clinical_trial_journey",
        body=models.TrialJourneyIntoTrial(
            patient_id=patient_id,
            clinical_trial_id=trial.clinical_trial_id,
            physician_id=physician.physician_id,
        ),
    )
    for state in TO_ENROLMENT:
        journey = await navigator(
            "clinical_trial_journeys.move_clinical_trial_journey",
            journey.ct_journey_id,
            body=models.TrialTransition(to=models.TrialTransitionTo(state)),
        )
    assert (journey.status, journey.status_group) == ("eligible_enrolled", "enrolled")
    request = await navigator(
        "expanded_access_journeys.create_eap_journey",
        body=models.EapJourneyCreate(patient_id=patient_id, eap_number="EAP-7", product="Givinostat"),
    )
    assert request.status == "inquiry"

    returned = await form(
        "patients.create_patient",
        body=models.PatientCreate(
            person=models.PersonCreate(
                first_name="SOFIA", last_name="Rossi", email="SOFIA.ROSSI@example.org", phone="+39 320 999 8877"
            ),
            medical_condition_id=dmd,
        ),
    )
    assert returned.patient_id == patient_id
    assert returned.match.outcome == "returning_patient"
    (phone,) = [change for change in returned.match.suggested_changes if change.field == "phone"]
    accepted = await navigator(
        "suggested_changes.accept_suggested_change", phone.suggested_change_id, body=models.SuggestionAcceptance()
    )
    assert accepted.decision == "accepted"
    patient = await navigator("patients.get_patient", patient_id)
    assert patient.person.phone == "+39 320 999 8877"

    story = await navigator("patients.list_patient_timeline", patient_id, limit=200)
    kinds = {item.kind for item in story.items}
    assert kinds == {
        "call",
        "booking",
        "lead_status",
        "ct_journey_status",
        "eap_journey_status",
        "submission",
        "suggested_change",
    }
    problem = await importlib.import_module(f"{PACKAGE}.api.calls.get_call").asyncio(
        patient_id, client=navigator.client
    )
    assert (problem.status, problem.code) == (404, "call_not_found")
