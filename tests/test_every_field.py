"""
Every field of every body is stored, or has its reason here: sent by both paths, read back, found when it is changed.

The bodies are those of the application's routes. A field without a sample fails by name, and so does one that a service
or a fast path forgets. What is not stored under its own name stands in SPECIAL, what is no record's in ACTIONS.
"""

import random
import typing
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import GRANTS, SIGHT, Role, Sight
from app.access.request_guard import GuardedRoute
from app.audit.models import RowHistory
from app.calls.models import CallHistory
from app.events.models import JourneyEvent
from app.hospitals.models import Hospital, Specialization
from app.patients.models import Patient
from app.people.departures.models import PersonDeparture
from app.people.models import IntakeSubmission, Person, PersonContactType
from app.people.schemas import PersonCreate, PersonUpdate
from app.platform import clock
from app.platform.db import Base
from app.platform.settings import Settings
from app.platform.text import Body
from tests import builders
from tests.both_paths import BothPaths, both_paths, shape, without_made
from tests.canaries import guarded_routes
from tests.conftest import AsRole, BoundDatabase

ROUTES = guarded_routes()
_number = count(1)
_FEW = 3
"""The newest versions in row_history: a change files one of its record, and of each row that hangs on it."""


# What is sent: for every field the value of a new record (None where it has none yet), and the one it is changed to
# (None where it is never changed).


@dataclass(frozen=True)
class Of:
    """The id of the first or second of two records that are there."""

    kind: str
    which: int


def two(kind: str) -> tuple[Of, Of]:
    return Of(kind, 0), Of(kind, 1)


def unlike(pattern: str) -> Callable[[], str]:
    """A text that is another one each time."""
    return lambda: pattern.format(next(_number))


def now() -> str:
    return clock.now().isoformat()


PERSON: dict[str, tuple[Any, Any]] = {
    "first_name": ("Zoë", "Zoë-Maria"),
    "last_name": ("Çelik", "Demir"),
    "middle_name": ("van", "von"),
    "preferred_name": ("Zo", "Mia"),
    "email": (unlike("zoe.{}@example.org"), unlike("zoe.{}@example.com")),
    "phone": (unlike("+31 6 1234{:04d}"), "+31 6 87654321"),
    "date_of_birth": ("1980-02-03", "1980-03-02"),
    "gender": ("female", "other"),
    "country": ("NL", "DE"),
    "language": ("tr", "nl"),
    "time_zone": ("Europe/Amsterdam", "Europe/Berlin"),
    "do_not_contact_channels": (["email", "post"], ["phone"]),
}
INTAKE: dict[str, tuple[Any, Any]] = {"source": ("referral", None), "consent_text_version": ("2026-02", None)}
JOURNEY: dict[str, tuple[Any, Any]] = {
    "patient_id": (Of("patient", 0), None),
    "physician_id": two("physician"),
    "medical_condition_id": two("medical_condition"),
    "enrollment_date": ("2026-02-03", "2026-02-04"),
    "completion_date": ("2026-03-03", "2026-03-04"),
    "notes": ("two\nlines", "one line"),
    "on_hold_reason": (None, "waits for the scan"),
    "on_hold_until": (None, "2027-01-01"),
    "happened_at": ("2026-02-03T09:30:00Z", "2026-02-04T09:30:00Z"),
    "reason": ("in words", "in other words"),
    "is_correction": (None, True),
}
CALL: dict[str, tuple[Any, Any]] = {
    "patient_id": (Of("patient", 0), None),
    "lead_id": (Of("lead", 0), None),
    "pn_id": two("navigator"),
    "spoke_with_person_id": two("person"),
    "booking_date": ("2026-02-03T09:30:00Z", "2026-02-03T10:30:00Z"),
    "booking_time_zone": ("Europe/Amsterdam", "Europe/Berlin"),
    "call_date": ("2026-02-03T09:35:00.123456Z", "2026-02-03T10:35:00Z"),
    "reminder_date": ("2026-02-02T09:30:00Z", "2026-02-02T10:30:00Z"),
    "status": ("completed", "cancelled"),
    "no_show": (False, True),
    "direction": ("inbound", "outbound"),
    "channel": ("video", "in_person"),
    "call_duration_minutes": (17, 0),
    "outcome": ("reached", "voicemail"),
    # True makes a task, which is the ordinary path's.
    "adverse_event_heard": (False, True),
    "contact_reason": ("a safety warning", "they asked"),
    "allow_overlap": (True, None),
    "notes": ("two\nlines", "one line"),
}
PATIENT: dict[str, tuple[Any, Any]] = {
    "medical_condition_id": two("medical_condition"),
    "first_contact_date": ("2026-01-02", "2026-01-03"),
    "initial_consult_date": ("2026-01-04", "2026-01-05"),
    "status": ("paused", "inactive"),
    "status_reason": ("abroad", "moved away"),
    "date_of_death": (None, "2026-11-20"),
    "death_source": (None, "Their daughter"),
    "owner_id": two("account"),
}
LEAD: dict[str, tuple[Any, Any]] = {
    "medical_condition_id": two("medical_condition"),
    "landing_page_url": ("https://example.org/a?b=c", "https://example.org/d"),
    "status": ("call_booked", "contacting"),
    "owner_id": two("account"),
    "language": ("de", None),
    "reason_code": (None, "spam_test"),
    "reason": (None, "in words"),
    "wake_up_on": (None, "2999-01-01"),
    "duplicate_of_person_id": (None, Of("person", 1)),
}
PHYSICIAN: dict[str, tuple[Any, Any]] = {
    "hospital_id": two("hospital"),
    "job_title": ("Neurologist", "Head of neurology"),
    "specialization_id": two("specialization"),
    "medical_license_number": ("L-1", "L-2"),
    "is_active": (None, False),
}
ONE_OF_US: dict[str, tuple[Any, Any]] = {"person_id": (Of("person", 0), None), "shared_email": (True, None)}
CONDITION: dict[str, tuple[Any, Any]] = {
    "name": (unlike("Condition {}"), unlike("Illness {}")),
    "abbreviation": ("CDT", "ILL"),
    "description": ("two\nlines", "one line"),
    "is_active": (None, False),
    "synonyms": (lambda: [f"Malady {next(_number)}"], lambda: [f"Disease {next(_number)}"]),
    "codes": (
        [{"system": "http://www.orpha.net", "code": "56", "display": "A", "map_type": "broader"}],
        [{"system": "http://www.orpha.net", "code": "56", "display": "B", "map_type": "exact"}],
    ),
}
TRIAL: dict[str, tuple[Any, Any]] = {
    "trial_id": (unlike("NCT7{:07d}"), None),
    "registry_code": ("NCT", None),
    "title": ("A trial", "Another title"),
    "phase": ("PHASE2", "PHASE3"),
    "status": ("recruiting", "completed"),
    "sponsor": ("A sponsor", "Another sponsor"),
}
TRIAL_JOURNEY: dict[str, tuple[Any, Any]] = JOURNEY | {
    "status": ("pre_screening", "pre_screen_failed"),
    "reason_code": ("other", "age"),
    "clinical_trial_id": two("clinical_trial"),
    "trial_id": (unlike("NCT8{:07d}"), None),
    "trial_name": ("A trial by its name", None),
    "referral_date": ("2026-01-05", "2026-01-06"),
    "eligible": (False, True),
    "eligibility_assessment_date": ("2026-01-07", "2026-01-08"),
    "ineligible_reason": ("too young", "too old"),
    "outcome": ("left", "stayed"),
}
EAP_JOURNEY: dict[str, tuple[Any, Any]] = JOURNEY | {
    "status": ("eligibility_review", "not_eligible"),
    "reason_code": ("other", "safety_concern"),
    "eap_program_id": two("eap_program"),
    "eap_number": (unlike("EAP-1-{}"), unlike("EAP-2-{}")),
    "product": ("Ataluren", "Givinostat"),
    "approval_date": ("2026-01-09", "2026-01-10"),
}
PROGRAMME: dict[str, tuple[Any, Any]] = {
    "name": (unlike("Programme A {}"), unlike("Programme B {}")),
    "product": ("Ataluren", "Givinostat"),
    "sponsor": ("A sponsor", "Another sponsor"),
    "countries": (["DE", "NL"], ["BE"]),
    "status": ("planned", "paused"),
    "description": ("two\nlines", "one line"),
}
GATE: dict[str, tuple[Any, Any]] = {
    "status": ("submitted", "approved"),
    "decided_on": ("2026-01-11", "2026-01-12"),
    "reference_number": ("R-1", "R-2"),
    "expires_on": ("2027-01-11", "2027-01-12"),
    "notes": ("two\nlines", "one line"),
}
ABOUT: dict[str, tuple[Any, Any]] = {
    "person_id": (Of("of_patient", 0), None),
    "patient_id": (Of("patient", 0), None),
    "lead_id": (Of("lead", 0), None),
    "eap_journey_id": (Of("eap_journey", 0), None),
    # Of these three one at most: tests/tasks/test_api.py.
    **dict.fromkeys(("call_id", "ct_journey_id"), (None, None)),
}
TASK: dict[str, tuple[Any, Any]] = ABOUT | {
    "title": ("Ask for the report", "Ask again"),
    "details": ("two\nlines", "one line"),
    "due_on": (None, "2027-01-04"),
    "due_at": ("2027-01-02T09:30:00Z", "2027-01-03T09:30:00Z"),
    "due_time_zone": ("Europe/Amsterdam", "Europe/Berlin"),
    "snoozed_until": ("2026-12-30T09:30:00Z", "2026-12-31T09:30:00Z"),
    "owner_id": two("account"),
    "status": (None, "cancelled"),
    "repeat_every": (2, 3),
    "repeat_unit": ("week", "month"),
    "repeat_until": ("2028-01-01", "2028-02-01"),
}
NOTE: dict[str, tuple[Any, Any]] = ABOUT | {
    "text": ("two\nlines", "one line"),
    "adverse_event_heard": (True, False),
    "is_pinned": (True, False),
}
DOCUMENT: dict[str, tuple[Any, Any]] = {
    "title": (None, "Letter of the clinic"),
    "kind": (None, "letter"),
    "expires_on": (None, "2031-01-01"),
}
"""Of a change; what a new one brings comes in a form (tests/documents)."""
PREFERENCES: dict[str, tuple[Any, Any]] = {
    "language": ("nl", "de"),
    "time_zone": ("Europe/Amsterdam", "Europe/Berlin"),
    "density": ("compact", "comfortable"),
    "hidden_columns": (["leads.source"], ["leads.owner", "patients.journey"]),
    "shortcuts": (False, True),
    "landing_place": ("calls", "leads"),
    "sidebar_folded": (True, False),
}
SAVED_VIEW: dict[str, tuple[Any, Any]] = {
    "list_name": ("leads", None),
    "name": (unlike("A view {}"), unlike("Another view {}")),
    "filters": ({"status": "new"}, {"status": "nurture"}),
    "sort": ("created", "-created"),
    "columns": (["status"], ["owner", "source"]),
    "is_shared": (True, False),
}
HOSPITAL: dict[str, tuple[Any, Any]] = {
    "name": (unlike("A hospital {}"), unlike("Another name {}")),
    "city": ("Utrecht", "Breda"),
    "country": ("NL", "BE"),
    "address": ("A street 1", "Another street 2"),
    "is_active": (None, False),
}
SPECIALIZATION: dict[str, tuple[Any, Any]] = {
    "name": (unlike("Medicine {}"), unlike("Surgery {}")),
    "description": ("two\nlines", "one line"),
    "is_active": (None, False),
}
ROLE: dict[str, tuple[Any, Any]] = {
    "type_name": ("pharmacist", None),
    "valid_from": ("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
    "valid_to": ("2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z"),
    "hospital_id": two("hospital"),
    "job_title": ("Pharmacist", "Head pharmacist"),
}
RELATIONSHIP: dict[str, tuple[Any, Any]] = {
    "related_person_id": (Of("person", 1), None),
    "relationship_type": ("parent", "guardian"),
    "authority": ("parental", "court_order"),
    "start_date": ("2026-01-02", "2026-01-03"),
    "end_date": ("2026-02-02", "2026-02-03"),
    "notes": ("two\nlines", "one line"),
}
CARE: dict[str, tuple[Any, Any]] = {
    "physician_id": (Of("physician", 0), None),
    "relationship_type": ("treating", "referring"),
    "is_primary": (False, True),
    "start_date": ("2026-01-02", "2026-01-03"),
    "end_date": ("2026-02-02", "2026-02-03"),
}
POINT: dict[str, tuple[Any, Any]] = {
    "kind": ("email", None),
    "value": (unlike("further.{}@example.org"), None),
    "is_shared": (True, None),
}
SAMPLES: dict[str, dict[str, tuple[Any, Any]]] = {
    "PersonSubmission": PERSON | INTAKE | {"shared_email": (True, None)},
    "PersonCreate": PERSON,
    # What a replaced address was is said of another row: tests/people/test_endings.py.
    "PersonUpdate": PERSON | {"is_active": (None, False), "was": ("former", None)},
    "PatientCreate": PATIENT | INTAKE | ONE_OF_US,
    "PatientCreateForPerson": PATIENT | INTAKE | ONE_OF_US,
    "PatientUpdate": PATIENT,
    "LeadCreate": LEAD | INTAKE | ONE_OF_US,
    "LeadCreateForPerson": LEAD | INTAKE | ONE_OF_US,
    "LeadUpdate": LEAD,
    "CallForPatient": CALL,
    "CallForLead": CALL,
    "CallUpdate": CALL,
    "NoteCreate": NOTE,
    "NoteUpdate": NOTE,
    "DocumentUpdate": DOCUMENT,
    "PreferencesUpdate": PREFERENCES,
    "SavedViewCreate": SAVED_VIEW,
    "SavedViewUpdate": SAVED_VIEW,
    "TaskCreate": TASK,
    "TaskUpdate": TASK
    | {"reported_at": (None, "2026-06-03T09:30:00Z"), "reason": (None, "The doctor calls back on Monday.")},
    "PhysicianOfNewPerson": PHYSICIAN | INTAKE | ONE_OF_US,
    "PhysicianOfPerson": PHYSICIAN | INTAKE | ONE_OF_US,
    "PhysicianUpdate": PHYSICIAN,
    "ConditionCreate": CONDITION,
    "ConditionUpdate": CONDITION,
    "HospitalCreate": HOSPITAL,
    "HospitalUpdate": HOSPITAL,
    "SpecializationCreate": SPECIALIZATION,
    "SpecializationUpdate": SPECIALIZATION,
    "RoleCreate": ROLE,
    "RoleUpdate": ROLE,
    "ContactPointCreate": POINT,
    "RelationshipCreate": RELATIONSHIP,
    "RelationshipUpdate": RELATIONSHIP,
    "CareLinkCreate": CARE,
    "CareLinkUpdate": CARE,
    "TrialCreate": TRIAL,
    "TrialUpdate": TRIAL,
    "TrialJourneyByNumber": TRIAL_JOURNEY,
    "TrialJourneyIntoTrial": TRIAL_JOURNEY,
    "TrialJourneyUpdate": TRIAL_JOURNEY,
    "EapJourneyCreate": EAP_JOURNEY,
    "EapJourneyUpdate": EAP_JOURNEY,
    "ProgrammeCreate": PROGRAMME,
    "ProgrammeUpdate": PROGRAMME,
    "GateUpdate": GATE,
    "Rebooking": CALL,
    "Conversion": PATIENT | {"reason": (None, "in words")},
    "LeadTransition": {"to": (None, "contacting"), "happened_at": (None, now), "is_correction": (None, True)} | LEAD,
    "TrialTransition": TRIAL_JOURNEY | {"to": (None, "pre_screen_passed"), "happened_at": (None, now)},
    "EapTransition": EAP_JOURNEY | {"to": (None, "request_preparation"), "happened_at": (None, now)},
}
NOT_OF_A_RECORD = {
    "PersonProbe": "asks who somebody is, and stores nothing",
    "SuggestionDecisionIn": "decides: tests/people/test_api.py",
    "SuggestionAcceptance": "decides: tests/people/test_api.py, tests/legacy/test_accepted.py",
    "DuplicateDecisionIn": "decides: tests/people/test_api.py",
    "BreakGlass": "opens what is masked: tests/access/test_openings.py",
    "ExportDecision": "decides: tests/web/test_large_exports.py",
    "Review": "judges an opening: tests/access/test_openings.py",
    "DraftSave": "kept for who types it: tests/drafts/test_api.py",
    "AvailabilityUpdate": "of an account, one's own: tests/availability",
    "AbsenceCreate": "of an account, one's own: tests/availability",
    "AbsenceUpdate": "of an account, one's own: tests/availability",
    "HandOver": "gives what is open to others: tests/casework/test_hand_over.py",
    "HandOverUndo": "takes it back: tests/casework/test_hand_over.py",
    "NormUpdate": "of a stage, which has no id of its own: tests/journeys/test_norms.py",
    "SavedViewChoiceUpdate": "what somebody wants for themselves: tests/saved_views",
    "ChoiceUpdate": "what somebody wants for themselves: tests/notifications",
    "DepartureCreate": "closes what is open: tests/test_departures.py",
    "DepartureEnd": "opens it again: tests/test_departures.py",
    "CameBackClose": "decides: tests/test_departures.py",
    "RevealRequest": "shows what is masked: tests/access/test_openings.py",
    "ApiKeyCreate": "makes a key: tests/access/test_accounts_api.py",
    "ApiKeyRotation": "makes a key: tests/access/test_accounts_api.py",
}
FAST = {"PatientCreate", "CallForPatient"}
"""The bodies that a fast path takes, of the routes that have one."""
GENERATED = 60
TABLES_OF_CREATES: tuple[type[Base], ...] = (Person, Patient, PersonContactType, IntakeSubmission, CallHistory)
FAST_WITH = {"PatientCreate": {"shared_email": False}}
"""What a fast path leaves to the ordinary one is sent by that alone."""


# What is not simply stored under its own name.


@dataclass(frozen=True)
class Kept:
    """Where a field is kept instead: the newest row of a table has it in this column."""

    table: type[Base]
    column: str


OF_A_MOVE = ("happened_at", "reason", "reason_code", "is_correction")
OF_A_DEATH = {"date_of_death": "departed_on", "death_source": "source"}
SPECIAL: dict[str, dict[str, Kept | str | None]] = {
    # Of a submission.
    **{
        model: {
            "source": Kept(IntakeSubmission, "source"),
            "consent_text_version": Kept(IntakeSubmission, "consent_text_version"),
            # Said of the address: of one that nobody has it changes nothing.
            "shared_email": None,
        }
        for model in (
            *("PersonSubmission", "PatientCreate", "PatientCreateForPerson", "LeadCreate", "LeadCreateForPerson"),
            *("PhysicianOfNewPerson", "PhysicianOfPerson"),
        )
    },
    # Of a move: in its event.
    **{
        model: {name: Kept(JourneyEvent, name) for name in OF_A_MOVE} | {"to": "status"}
        for model in (
            *("TrialJourneyByNumber", "TrialJourneyIntoTrial", "TrialJourneyUpdate", "TrialTransition"),
            *("EapJourneyCreate", "EapJourneyUpdate", "EapTransition"),
        )
    },
    "LeadTransition": {
        "to": "status",
        **{name: Kept(JourneyEvent, name) for name in ("happened_at", "is_correction")},
    },
    # Said once, of this booking.
    **{model: {"allow_overlap": None} for model in ("CallForPatient", "CallForLead", "CallUpdate", "Rebooking")},
    "PatientUpdate": {name: Kept(PersonDeparture, column) for name, column in OF_A_DEATH.items()},
    "RoleCreate": {"type_name": "contact_type.type_name"},
    "Conversion": {
        **{name: f"patient.{name}" for name in PATIENT if not name.startswith("status") and name not in OF_A_DEATH},
        "reason": "lead.reason",
    },
}
for _lead in ("LeadCreate", "LeadCreateForPerson"):
    SPECIAL[_lead]["language"] = Kept(IntakeSubmission, "language")
"""Where it is kept, where the answer has it, or None where it is not kept at all."""
NOT_IN_HISTORY = {*OF_A_MOVE, *OF_A_DEATH}
"""Of a journey's move: an event is never changed, so it has no earlier value. Of a death: it is on record anew."""
ROWS_OF_THEIR_OWN = {"synonyms": ("condition_synonym", "name"), "codes": ("condition_code", "display")}
"""Lists whose rows have a history each."""

# What else is needed for a field to make sense.

LONG_AGO = {"happened_at": "2026-01-02T09:30:00Z", "reason": "told late"}
WITH: dict[tuple[str, str], dict[str, Any]] = {
    ("CallUpdate", "status"): {"outcome": None},
    ("CallUpdate", "no_show"): {"outcome": None},
    ("PatientUpdate", "status"): {"status_reason": "moved away"},
    ("PatientUpdate", "date_of_death"): {"status": "deceased", "death_source": "The register"},
    ("PatientUpdate", "death_source"): {"status": "deceased", "date_of_death": "2026-11-20"},
    # Who is helped as a patient is not set inactive.
    ("PatientUpdate", "is_active"): {"status": "inactive"},
    ("LeadUpdate", "reason_code"): {"status": "disqualified", "reason": "in words"},
    ("LeadUpdate", "reason"): {"status": "disqualified", "reason_code": "other"},
    ("LeadUpdate", "wake_up_on"): {"status": "nurture"},
    ("LeadUpdate", "duplicate_of_person_id"): {"status": "duplicate"},
    ("LeadTransition", "happened_at"): {"to": "contacting"},
    ("LeadTransition", "is_correction"): {"to": "contacting", **LONG_AGO},
    ("LeadTransition", "reason_code"): {"to": "disqualified", "reason": "in words"},
    ("LeadTransition", "reason"): {"to": "disqualified", "reason_code": "other"},
    ("LeadTransition", "wake_up_on"): {"to": "nurture"},
    ("LeadTransition", "duplicate_of_person_id"): {"to": "duplicate"},
    ("TrialJourneyUpdate", "eligible"): {"ineligible_reason": None},
    ("TrialJourneyUpdate", "on_hold_until"): {"on_hold_reason": "waits for the scan"},
    ("TrialJourneyUpdate", "status"): {"reason_code": "age"},
    ("TrialJourneyUpdate", "happened_at"): {"status": "pre_screen_failed", "reason_code": "age"},
    ("TrialJourneyUpdate", "is_correction"): {"status": "pre_screen_failed", "reason_code": "age", **LONG_AGO},
    ("TrialJourneyUpdate", "reason_code"): {"status": "pre_screen_failed"},
    ("TrialJourneyUpdate", "reason"): {"status": "pre_screen_failed", "reason_code": "other"},
    ("TrialTransition", "happened_at"): {"to": "pre_screen_passed"},
    ("TrialTransition", "is_correction"): {"to": "pre_screen_passed", **LONG_AGO},
    ("TrialTransition", "reason_code"): {"to": "pre_screen_failed"},
    ("TrialTransition", "reason"): {"to": "pre_screen_failed", "reason_code": "other"},
    ("EapJourneyUpdate", "on_hold_until"): {"on_hold_reason": "waits for the scan"},
    ("EapJourneyUpdate", "status"): {"reason_code": "safety_concern"},
    ("EapJourneyUpdate", "happened_at"): {"status": "not_eligible", "reason_code": "safety_concern"},
    ("EapJourneyUpdate", "is_correction"): {"status": "not_eligible", "reason_code": "safety_concern", **LONG_AGO},
    ("EapJourneyUpdate", "reason_code"): {"status": "not_eligible"},
    ("EapJourneyUpdate", "reason"): {"status": "not_eligible", "reason_code": "other"},
    ("EapTransition", "happened_at"): {"to": "request_preparation"},
    ("EapTransition", "is_correction"): {"to": "request_preparation", **LONG_AGO},
    ("EapTransition", "reason_code"): {"to": "not_eligible"},
    ("EapTransition", "reason"): {"to": "not_eligible", "reason_code": "other"},
    ("TaskUpdate", "due_on"): {"due_at": None},
    ("TaskUpdate", "reported_at"): {"status": "done"},
    ("CareLinkUpdate", "is_primary"): {"end_date": None},
}
STARTS_AS: dict[tuple[str, str], dict[str, Any]] = {
    **{("Rebooking", name): {"status": "scheduled", "outcome": None} for name in CALL},
}
"""What the record before the change has otherwise than its samples."""
PREPARED: dict[tuple[str, str], str] = {
    ("TaskUpdate", "reported_at"): "UPDATE task SET rule = 'side_effect'",
    # Given once, to a migrated journey that names no trial.
    ("TrialJourneyUpdate", "clinical_trial_id"): "UPDATE clinical_trial_journey SET clinical_trial_id = NULL",
}
COMPANIONS = {"Rebooking": {"booking_date": "2026-02-03T11:30:00Z"}}
"""Fields that a body cannot do without."""


# The cases.


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


@dataclass(frozen=True)
class Case:
    """A body of a route."""

    route: GuardedRoute
    model: type[BaseModel]

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def method(self) -> str:
        return next(iter(self.route.methods or ()))

    @property
    def collection(self) -> str:
        """The address below which the record stands."""
        path = self.route.path
        return path.rpartition("/{")[0] if "{" in path else path

    def __str__(self) -> str:
        return self.name


CASES = [
    Case(route, model)
    for route in ROUTES
    if route.methods and route.methods & {"POST", "PUT"}
    for parameter in route.dependant.body_params
    for model in _models(parameter.field_info.annotation)
]
RECORDS = [case for case in CASES if case.name not in NOT_OF_A_RECORD]
_LISTS = {route.path for route in ROUTES if "GET" in (route.methods or ())}
CREATES = [case for case in RECORDS if case.method == "POST" and case.route.path in _LISTS]
CHANGES = [case for case in RECORDS if case not in CREATES]
_PUTS = [(case.route.path, 1) for case in CHANGES if case.method == "PUT"]


def _is_nested(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """The body that this field holds, where it holds one."""
    found = model.model_fields[field].annotation
    return found if isinstance(found, type) and issubclass(found, Body) else None


def _places(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """Every single field of a body with the model that has it, those of nested bodies as `person.first_name`."""
    for field in model.model_fields:
        nested = _is_nested(model, field)
        if nested is None:
            yield model, field
        else:
            yield from ((nested, f"{field}.{name}") for name in nested.model_fields)


def test_every_field_has_a_sample() -> None:
    missing = [
        f"{owner.__name__}.{place}"
        for case in RECORDS
        for owner, place in _places(case.model)
        if place.rpartition(".")[2] not in SAMPLES.get(owner.__name__, {})
    ]
    assert missing == [], "name two values for each in SAMPLES"


def test_every_sample_is_a_field() -> None:
    # So that a field that only one of the bodies of a record has got is missed in the other.
    missing = []
    for path, which in [*((path, 0) for path in {case.route.path for case in CREATES}), *_PUTS]:
        models = [case.model for case in RECORDS if case.route.path == path and (case in CREATES) == (which == 0)]
        samples = {name: values for model in models for name, values in SAMPLES[model.__name__].items()}
        fields = {field for model in models for field in model.model_fields}
        needed = [name for name, value in samples.items() if value[which] is not None]
        missing += [f"{path}: {name}" for name in needed if name not in fields]
    for model, which in ((PersonCreate, 0), (PersonUpdate, 1)):
        samples = SAMPLES[model.__name__]
        missing += [n for n, value in samples.items() if value[which] is not None and n not in model.model_fields]
    assert missing == []


def test_what_is_named_here_exists() -> None:
    fields = {(owner.__name__, place.rpartition(".")[2]) for case in CASES for owner, place in _places(case.model)}
    models = {case.name for case in CASES} | {model for model, _ in fields}
    assert (SAMPLES.keys() | NOT_OF_A_RECORD.keys() | FAST | SPECIAL.keys()) - models == set()
    assert {(model, field) for model, named in SPECIAL.items() for field in named} - fields <= {
        # Named for all journeys at once.
        *((case.name, name) for case in CASES for name in ("to", "shared_email", "is_correction"))
    }
    in_cases = {(case.name, place.rpartition(".")[2]) for case in CASES for _, place in _places(case.model)}
    assert (WITH.keys() | PREPARED.keys()) - in_cases == set()
    assert {case.route.path for case in CASES if case.name in FAST} == {
        route.path for route in ROUTES if "POST" in (route.methods or ()) and route.fast_path
    }, "every fast path of a create is sent a body"


def own_id(path: str, answer: dict[str, Any]) -> str:
    """The id of a record: by the name that its address has, or the first one in its answer."""
    named = path.rpartition("{")[2].rstrip("}")
    return str(answer[named] if named in answer else next(answer[name] for name in answer if name.endswith("_id")))


class Sender:
    """Sends bodies to the routes, each as somebody who may, and looks where their fields went."""

    def __init__(self, paths: BothPaths, session: AsyncSession, as_role: AsRole) -> None:
        self.paths, self._session, self._as_role = paths, session, as_role
        self._keys: dict[Role, dict[str, str]] = {}
        self.ids: dict[str, tuple[Any, Any]] = {}

    async def arrange(self) -> None:
        """Two records of every kind that a field may name."""
        session = self._session
        people = [await builders.a_person(session) for _ in range(2)]
        of_patients = [await builders.a_person(session) for _ in range(2)]
        accounts = [(await builders.a_colleague(session))[0] for _ in range(2)]
        places = [Hospital(name=name) for name in ("A", "B")]
        subjects = [Specialization(name=name) for name in ("A", "B")]
        session.add_all([*places, *subjects])
        await session.flush()
        conditions = [await builders.a_condition(session, short) for short in ("DMD", "ALS")]
        patients = [await builders.a_patient(session, person) for person in of_patients]
        leads = [await builders.a_lead(session, person) for person in of_patients]
        physicians = [await builders.a_physician(session) for _ in range(2)]
        trials = [await builders.a_trial(session) for _ in range(2)]
        programmes = [await builders.a_programme(session) for _ in range(2)]
        journeys = [await builders.an_eap_journey(session, patient) for patient in patients]
        documents = [await builders.a_document(session, person) for person in of_patients]
        rows: dict[str, Sequence[Any]] = {
            "document": documents,
            "person": people,
            "patient": patients,
            "hospital": places,
            "specialization": subjects,
            "medical_condition": conditions,
            "lead": leads,
            "physician": physicians,
            "clinical_trial": trials,
            "eap_program": programmes,
            "eap_journey": journeys,
        }
        for kind, (first, second) in rows.items():
            self.ids[kind] = str(getattr(first, f"{kind}_id")), str(getattr(second, f"{kind}_id"))
        self.ids["account"] = str(accounts[0].user_account_id), str(accounts[1].user_account_id)
        self.ids["of_patient"] = str(of_patients[0].person_id), str(of_patients[1].person_id)
        self.ids["navigator"] = str(accounts[0].person_id), str(accounts[1].person_id)
        self.ids["gate"] = ("ethics", "contract")
        await session.commit()

    def value(self, model: type[BaseModel], field: str, which: int) -> Any:
        """A field's sample as JSON."""
        nested = _is_nested(model, field)
        if nested is not None:
            return {name: self.value(nested, name, which) for name in nested.model_fields}
        sample = SAMPLES[model.__name__][field][which]
        if isinstance(sample, Of):
            return self.ids[sample.kind][sample.which]
        return sample() if callable(sample) else sample

    def body(self, case: Case, **other: Any) -> dict[str, Any]:
        """A new record's body with every field that has a first sample."""
        sent = {field: self.value(case.model, field, 0) for field in case.model.model_fields} | other
        return {field: value for field, value in sent.items() if value is not None or field in other}

    def some_body(self, model: type[BaseModel], chance: random.Random) -> dict[str, Any]:
        """A body with some of its fields, each with one of its samples, null or a text of all scripts."""
        body: dict[str, Any] = {}
        for field, info in model.model_fields.items():
            nested = _is_nested(model, field)
            if nested is not None:
                body[field] = self.some_body(nested, chance)
            elif field != "shared_email" and (info.is_required() or chance.random() < 0.8):
                samples = [self.value(model, field, which) for which in (0, 1)]
                choices = [value for value in samples if value is not None]
                if isinstance(samples[0], str) and chance.random() < 0.05:
                    choices = [f"{samples[0]} Ωμέγα שלום"]
                if type(None) in typing.get_args(info.annotation):
                    choices.append(None)
                body[field] = chance.choice(choices)
        return body

    async def key(self, route: GuardedRoute) -> dict[str, str]:
        """The headers of somebody who may, and who sees everything."""
        clear = [role for role in Role if set(SIGHT[role].values()) <= {Sight.CLEAR}]
        needed = {route.permission, "view.share" if "saved_view" in route.name else route.permission}
        role = next(role for role in [*clear, *Role] if needed <= GRANTS[role])
        if role not in self._keys:
            self._keys[role] = await self._as_role(role.value)
            await self.paths.greet(self._keys[role])
        return self._keys[role]

    def address(self, path: str) -> str:
        """The path with the ids of what is there."""
        for kind, (first, _) in self.ids.items():
            path = path.replace(f"{{{kind}_id}}", str(first)).replace(f"{{{kind}}}", str(first))
        return path

    async def send(self, case: Case, address: str, body: dict[str, Any], *, fast: bool = False) -> dict[str, Any]:
        client = self.paths.fast if fast else self.paths.ordinary
        answer = await client.request(case.method, address, json=body, headers=await self.key(case.route))
        assert answer.status_code in {200, 201}, (case.name, body, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    async def read(self, path: str, address: str, answer: dict[str, Any]) -> dict[str, Any]:
        """The record of an answer as it is read afterwards: by its own address, or else out of its list."""
        (route,) = [route for route in ROUTES if route.path == path and "GET" in (route.methods or ())]
        found = await self.paths.ordinary.get(address, headers=await self.key(route))
        assert found.status_code == 200, (address, found.text)
        document: dict[str, Any] = found.json()
        if "items" not in document:
            return document
        return next(item for item in document["items"] if own_id(path, item) == own_id(path, answer))

    async def find(self, case: Case, answer: dict[str, Any], place: str) -> Any:
        """What has become of a field: in the answer, in the person's, or where SPECIAL says."""
        special = SPECIAL.get(case.name, {}).get(place, place)
        if isinstance(special, Kept):
            (row,) = await self.paths.newest(special.table)
            return row[special.column]
        assert special is not None
        part, _, field = special.rpartition(".")
        if part == "person":
            person = f"/api/v1/persons/{answer['person_id']}"
            return (await self.read("/api/v1/persons/{person_id}", person, answer))[field]
        return (answer[part] if part else answer)[field]


def _same(sent: Any, found: Any) -> bool:
    """Whether it is the same value, instants in whatever spelling."""
    return bool(_plain(sent) == _plain(found))


def _plain(value: Any) -> Any:
    if isinstance(value, str) and "T" in value:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return str(value) if isinstance(value, date) and not isinstance(value, datetime) else value


@pytest.fixture
async def sender(
    client: httpx.AsyncClient, bound: BoundDatabase, settings: Settings, session: AsyncSession, as_role: AsRole
) -> AsyncIterator[Sender]:
    async with both_paths(client, bound, settings, session) as paths:
        made = Sender(paths, session, as_role)
        await made.arrange()
        yield made


@pytest.mark.parametrize(
    ("case", "fast"),
    [(case, fast) for case in CREATES for fast in (False, True) if not fast or case.name in FAST],
    ids=lambda value: ("fast" if value else "ordinary") if isinstance(value, bool) else str(value),
)
async def test_every_field_of_a_new_record_is_stored(
    sender: Sender,
    bound: BoundDatabase,
    case: Case,
    fast: bool,  # noqa: FBT001 - the parameter of a test
) -> None:
    body = sender.body(case, **(FAST_WITH.get(case.name, {}) if fast else {}))
    bound.statements.sent.clear()
    address = sender.address(case.route.path)

    answer = await sender.send(case, address, body, fast=fast)

    assert len(bound.statements.sent) == fast, "the fast path takes this body"
    place = next((path for path in _LISTS if path.rpartition("/{")[0] == case.route.path and path.endswith("}")), None)
    own = f"{address}/{own_id(place, answer)}" if place else address
    read = await sender.read(place or case.route.path, own, answer)
    lost = []
    for _, field in _places(case.model):
        top, _, nested = field.partition(".")
        if top not in body or SPECIAL.get(case.name, {}).get(field, "") is None:
            continue
        sent = body[top][nested] if nested else body[top]
        for how, document in (("answered", answer), ("read", read)):
            found = await sender.find(case, document, field)
            if not _same(sent, found):
                lost.append(f"{field}: {sent!r} was sent, {found!r} is {how}")
    assert lost == []


@pytest.mark.parametrize("case", [case for case in CREATES if case.name in FAST], ids=str)
async def test_generated_bodies_leave_the_same_by_both_paths(
    sender: Sender, session: AsyncSession, bound: BoundDatabase, case: Case
) -> None:
    chance = random.Random(case.name)  # noqa: S311 - the same bodies each time
    key, address = await sender.key(case.route), sender.address(case.route.path)
    by_fast = 0
    for _ in range(GENERATED):
        body = sender.some_body(case.model, chance)
        left = []
        for client in (sender.paths.fast, sender.paths.ordinary):
            bound.statements.sent.clear()
            # Taken back, so that the second is not the first one's person come again.
            await session.commit()
            before = await bound.connection.begin_nested()
            answer = await client.request(case.method, address, json=body, headers=key)
            by_fast += len(bound.statements.sent)
            rows = [without_made(row) for table in TABLES_OF_CREATES for row in await sender.paths.newest(table)]
            rows += [without_made(event) for event in await sender.paths.events()]
            left.append((answer.status_code, _unmade(shape(answer.json())), rows))
            await session.commit()
            await before.rollback()
        assert left[0] == left[1], body
    assert by_fast > GENERATED / 8, "what is sent seldom came to the fast path"


def _unmade(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "request_id"}


@pytest.mark.parametrize("case", CHANGES, ids=str)
async def test_every_field_of_a_change_is_stored_with_its_earlier_value(
    sender: Sender, session: AsyncSession, case: Case
) -> None:
    lost = []
    for owner, place in _places(case.model):
        field = place.rpartition(".")[2]
        if SAMPLES[owner.__name__][field][1] is None:
            continue
        lost += [f"{place}: {what}" async for what in _faults(sender, session, case, owner, place)]
    assert lost == []


async def _faults(
    sender: Sender, session: AsyncSession, case: Case, owner: type[BaseModel], place: str
) -> AsyncIterator[str]:
    top, _, nested = place.partition(".")
    field = nested or top
    # Of its own person, so that periods of one role do not overlap.
    person = await builders.a_person(session)
    await session.commit()
    collection = sender.address(case.collection.replace("{person_id}", str(person.person_id)))
    base = next((create for create in CREATES if create.route.path == case.collection), None)
    if base is None:
        address = sender.address(case.route.path)
        before = await sender.send(case, address, sender.body(case))
    else:
        before = await sender.send(base, collection, sender.body(base, **STARTS_AS.get((case.name, field), {})))
        parameter, slash, action = case.route.path.removeprefix(f"{case.collection}/").partition("/")
        address = f"{collection}/{own_id(parameter, before)}{slash}{action}"
    if (case.name, field) in PREPARED:
        await session.execute(text(PREPARED[case.name, field]))
        await session.commit()
    earlier = await sender.find(case, before, place) if SPECIAL.get(case.name, {}).get(place) is None else None
    value = sender.value(owner, field, 1)
    body = {top: {nested: value} if nested else value}
    body |= COMPANIONS.get(case.name, {}) | body | WITH.get((case.name, field), {})

    answer = await sender.send(case, address, body)

    event = (await sender.paths.events())[0]
    found = await sender.find(case, answer, place)
    if not _same(value, found):
        yield f"{value!r} was sent, {found!r} is answered"
    if case.method != "PUT":
        return
    names = {name.rpartition(".")[2] for name in event["field_names"] or ()}
    if event["action"] != case.route.name or field not in names:
        yield f"the event {event['action']} names {sorted(names)}"
    if field in NOT_IN_HISTORY and isinstance(SPECIAL.get(case.name, {}).get(field), Kept):
        return
    versions = list(await session.scalars(select(RowHistory).order_by(RowHistory.row_history_id.desc()).limit(_FEW)))
    if field in ROWS_OF_THEIR_OWN:
        table, column = ROWS_OF_THEIR_OWN[field]
        was = (earlier or [None])[0]
        was = was[column] if isinstance(was, dict) else was
    else:
        table, column = None, field
        was = None if (case.name, field) in PREPARED else earlier
    rows = [version.row for version in versions if table in {None, version.table_name}]
    if not any(column in row and _same(was, row[column]) for row in rows):
        yield f"{was!r} is in no earlier version"
