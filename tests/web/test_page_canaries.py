"""
Every address outside /api/v1, by everybody: what the policy masks is in no answer, whatever the address answers with.

Each column of a person's, a health or a secret value holds a canary. A new route fails here until
ASKED_BY_ADDRESS or ASKED_BY_FORM says how it is asked.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import ARRAY, Boolean, Column, Computed, Date, DateTime, LargeBinary, String, Table, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import BaseRoute, Mount, Route

from app.access.accounts import held_forms, links, sessions
from app.access.accounts.sessions import Origin
from app.access.policy import GRANTS, HUMAN_ROLES, PERMISSIONS, SIGHT, Role, Sight
from app.access.request_guard import GuardedRoute
from app.events.models import JourneyEvent
from app.main import create_app
from app.models import metadata
from app.patients.models import Patient
from app.people.models import Person
from app.platform import clock
from app.platform.settings import Settings
from app.web.page_guard import PageRoute
from tests.browsing import signed_in, somebody
from tests.builders import PDF, a_call, a_document, a_note
from tests.canaries import HEALTH, PERSONAL, H, P, World, a_world
from tests.conftest import BoundDatabase

S, STAFF = "Secretcanary", "Staffcanary"
SECRET = (S, S.encode().hex(), base64.b64encode(S.encode()).decode())
"""As text, in hexadecimal digits, and in Base64: twelve letters, so that what follows them changes nothing."""
STAFF_TABLES = {
    "user_account", "web_session", "access_opening", "outgoing_mail", "sign_in_attempt", "outside_identity",
    "held_form", "list_export", "export_request",
}  # fmt: skip
"""These are about those who work here: who may see them follows from the page and not from the privacy class."""
STAFF_SHOWN: dict[str, set[str]] = {
    "user.manage": {"user_account", "web_session"},
    "audit.read": {"access_opening"},
    "break_glass.review": {"access_opening"},
    **{key: {"export_request"} for key in ("export.read", "export.decide")},
}
"""By the page's permission: the tables of staff that it shows."""
ZONE = "America/St_Johns"
"""A zone that nothing else is in: a canary of health data too."""
MAILBOX = "/mailbox"
"""In development it shows every mail, to this machine alone."""
NO_WORLD = "01970000-0000-7000-8000-000000000000"
RECORD_PAGES = ("/patients/{patient_id}", "/leads/{lead_id}", "/people/{person_id}")
ATTACHED = (
    (
        "contact-points", "contact_point_id", {"kind": "email", "value": "a@canary.example", "is_shared": "true"},
        {"was": "x"},
    ),
    ("roles", "role_id", {"type_name": "caregiver", "hospital_id_typed": "Canary"}, {"valid_from": "x"}),
    (
        "relationships", "relationship_id",
        {"related_person_id_typed": "Personcanary", "acts": "they", "relationship_type": "other"},
        {"start_date": "tomorrow", "seen": "x"},
    ),
    (
        "physicians", "patient_physician_id",
        {"physician_id_typed": "Personcanary", "relationship_type": "treating"},
        {"start_date": "tomorrow", "seen": "x"},
    ),
)  # fmt: skip
"""What hangs on a person: its address, the key of one, the form of a new one and of a change that is refused."""
ASKED_BY_FORM: dict[str, Sequence[dict[str, str]]] = {
    "/sign-in": [{}, {"email": "opener@crm.example", "password": "x"}],
    "/sign-in/second-factor": [{}, {"code": "123456"}],
    "/sign-in/recovery": [{}, {"code": "x"}],
    "/sign-out": [{}],
    "/sign-in/enrolment": [{}],
    "/forgot-password": [{}, {"email": "opener@crm.example"}],
    "/invitation/{token}": [{}, {"password": "x"}],
    "/reset/{token}": [{}, {"password": "x"}],
    "/unlock": [{}, {"password": "x"}],
    "/resume/{held_form_id}": [{}],
    "/account/password": [{}],
    "/account/app": [{}, {"code": "123456"}],
    "/account/app/remove": [{}],
    "/account/passkeys/{passkey_id}/remove": [{}],
    "/account/recovery-codes": [{}],
    "/account/sessions/end-others": [{}],
    "/account/calendar-feed": [{}],
    "/account/calendar-feed/end": [{}],
    "/account/sessions/{web_session_id}/end": [{}],
    "/users": [{}, {"display_name": "New Person", "email": "new@crm.example", "roles": "auditor"}],
    "/users/{account_id}/roles": [{}, {"roles": "navigator"}],
    "/users/{account_id}/name": [{}, {"display_name": "Other", "email": "other@crm.example", "seen_version": "1"}],
    "/users/{account_id}/disable": [{}],
    "/users/{account_id}/enable": [{}],
    "/users/{account_id}/invitation": [{}],
    "/users/{account_id}/start-over": [{}],
    "/users/{account_id}/sessions/end": [{}],
    "/api-keys": [{}, {"name": "System", "role": "auditor", "days": "30"}],
    "/api-keys/{api_key_id}/rotate": [{}, {"overlap": "7"}],
    "/api-keys/{api_key_id}/revoke": [{}],
    "/break-glass": [{}, {"person_id": "{person_id}", "reason": "x"}],
    "/break-glass/{access_opening_id}/end": [{}],
    "/break-glass/{access_opening_id}/review": [{}, {"verdict": "justified"}],
    "/stage-norms": [{}, {"eap_journey.inquiry": "x"}],
    "/exports/{export_request_id}/decide": [{}, {"decision": "refused"}],
    "/exports/{export_request_id}/withdraw": [{}],
    "/duplicates/{duplicate_candidate_id}/different": [{}, {"reason": "x"}],
    "/duplicates/{duplicate_candidate_id}/undo": [{}],
    "/duplicates/{duplicate_candidate_id}/reopen": [{}],
    "/suggestions/columns": [{}, {"column": "theirs"}],
    **{f"/suggestions/{{suggested_change_id}}/{verb}": [{}] for verb in ("accept", "reject")},
    "/suggestions/{suggested_change_id}/undo": [{}, {"since": "1", "until": "2"}],
    "/came-back/{came_back_id}/close": [{}, {"reason": "x"}],
    "/search": [
        {}, {"q": "Personcanar"}, {"q": "P-0000000A"}, {"q": "a"}, {"q": "Personcanar", "step": "calls"},
        {"here": "/patients/{patient_id}"},
    ],
    "/account/preferences": [{}, {"density": "compact", "time_zone": "Europe/Lisbon"}, {"density": "x"}],
    **{
        f"{place}{end}": [{}, sent]
        for place in ("/account/availability", "/availability/{user_account_id}")
        for end, sent in {
            "": {"day_1": "9-12:30"},
            "/absences": {"starts_at": "tomorrow", "ends_at": "tomorrow", "kind": "other"},
            "/absences/{absence_id}/remove": {},
        }.items()
    },
    "/hand-over": [{}, {"colleague_typed": "a"}],
    "/availability/{user_account_id}/hand-over": [{}, {"leads": "{user_account_id}"}],
    "/availability/{user_account_id}/hand-over/undo": [{}, {"back": "patients:{patient_id}:1:2"}],
    "/account/preferences/sidebar": [{}, {"sidebar_folded": "true"}],
    "/callers/begin": [{}, {"q": "Personcanary"}],
    "/callers/new": [
        {}, {"last_name": "Personcanary", "condition": "DMD"},
        {"last_name": "Personcanary", "condition": "DMD", "choice": "{person_id}"},
    ],
    "/patients": [{}, {"q": "Personcanary"}, {"q": "P-0000000A", "status": "active"}, {"status": "x"}],
    "/patients/{patient_id}/suggested-changes/{suggested_change_id}/accept": [{}],
    "/patients/{patient_id}/suggested-changes/{suggested_change_id}/reject": [{}],
    "/patients/{patient_id}/suggested-changes/{suggested_change_id}/undo": [{}],
    **{
        f"{place}/{what}": [{}, sent]
        for place in ("/patients/{patient_id}", "/leads/{lead_id}")
        for what, sent in {
            "calls": {"outcome": "reached", "adverse_event_heard": "false"},
            "tasks": {"title": "Ask the site"},
            "notes": {"text": "Asked the site.", "adverse_event_heard": "false"},
            "documents": {"title": "Letter", "kind": "letter"},
            "bookings": {"booking_date": "2099-01-02 10:00", "booking_time_zone": "Europe/Lisbon"},
        }.items()
    },
    "/calls/understood": [{"booking_date": "tomorrow 10:00", "booking_time_zone": "Europe/Lisbon"}],
    "/calls/{call_id}/move": [{}, {"booking_date": "2099-01-02 10:00", "booking_time_zone": "Europe/Lisbon"}],
    "/calls/{call_id}/cancel": [{}, {"notes": "Is travelling."}],
    "/calls/{call_id}/move/undo": [{}],
    "/calls/{call_id}/cancel/undo": [{}],
    "/calls/{call_id}/outcome/undo": [{}],
    "/calls/{call_id}/undo": [{}],
    "/calls/{call_id}/outcome": [{}, {"outcome": "reached", "adverse_event_heard": "false"}],
    "/views": [
        {}, {"list_name": "hospitals", "name": "Mine"}, {"list_name": "leads", "name": " ", "q": "Personcanary"},
    ],
    "/views/{saved_view_id}": [{}, {"name": "Ours"}],
    "/views/{saved_view_id}/settings": [{}, {"is_active": "true"}],
    "/views/{saved_view_id}/remove": [{}],
    "/notifications/choices": [{}, {"in_app": "assigned", "by_mail": "came_back"}],
    "/notifications/read": [{}],
    "/notifications/{notification_id}/read": [{}],
    "/documents/{document_id}/versions": [{}],
    "/documents/{document_id}/void": [{}, {"reason": "x"}],
    "/tasks/{task_id}": [{}, {"title": "x", "due_on": "2030-01-01", "seen": "1"}],
    "/tasks/{task_id}/snooze": [{}, {"to": "week"}, {"on": "x"}, {"on": "2090-01-01", "reason": "x"}],
    "/tasks/{task_id}/undo": [{}],
    "/tasks/{task_id}/done": [{}, {"reported_at": "x"}, {"reason": "x"}],
    "/patients/{patient_id}/status": [{}, {"status": "paused"}, {"status": "inactive"}],
    "/patients/{patient_id}/status/undo": [{}],
    "/patients/{patient_id}/{kind_path}/{journey_id}/move/undo": [{}],
    "/leads/{lead_id}/move/undo": [{}],
    "/tasks/{task_id}/open": [{}],
    **{key: [{}, {"q": "Personcanary"}, {"status": "x"}] for key in ("/leads", "/calls", "/tasks", "/documents")},
    "/leads/{lead_id}/take": [{}],
    "/leads/{lead_id}/move": [{}, {"to": "contacting"}, {"to": "disqualified", "reason_code": "other"}],
    "/leads/{lead_id}/convert": [{}],
    "/leads/{lead_id}/suggested-changes/{suggested_change_id}/accept": [{}],
    "/leads/{lead_id}/suggested-changes/{suggested_change_id}/reject": [{}],
    "/leads/{lead_id}/suggested-changes/{suggested_change_id}/undo": [{}],
    **{
        f"{place}/drafts/{{draft_field}}{end}": [{}, {"notes": "x"}]
        for place in ("/patients/{patient_id}", "/leads/{lead_id}")
        for end in ("", "/discard")
    },
    **{
        f"{place}/facts/{{fact}}": [{}, {"email": "not an address"}, {"email": "a@example.org", "seen": "x"}]
        for place in RECORD_PAGES
    },
    **{
        f"{place}/{part}{end}": [{}, sent]
        for place in RECORD_PAGES
        for part, key, new, changed in ATTACHED
        if part != "physicians" or place.startswith("/patients")
        for end, sent in {
            "/new": new, f"/{{{key}}}/edit": changed, f"/{{{key}}}/undo": {}, f"/{{{key}}}/end": {},
        }.items()
        if (part, end) != ("contact-points", f"/{{{key}}}/end")
    },
    **{
        f"/pickers/{name}": [{}, {"q": "Personcanary"}, {"q": "x"}]
        for name in (
            "people", "people-or-new", "physicians", "hospitals", "conditions", "trials", "programmes",
            "owners-of-patients", "owners-of-leads",
            "leads-to", "patients-to", "tasks-to",
            "hand-over-leads", "hand-over-patients", "hand-over-calls", "hand-over-tasks", "whose-work",
        )
    },
    **{f"{place}/facts/{{fact}}/undo": [{}] for place in RECORD_PAGES},
    **{f"{place}/cases/{{case}}/undo": [{}] for place in ("/patients/{patient_id}", "/leads/{lead_id}")},
    "/patients/{patient_id}/dates/{date}/undo": [{}],
    "/patients/{patient_id}/dates/{date}": [{}, {"first_contact_date": "1800-01-01"}],
    **{
        f"{place}/cases/{{case}}": [{}, {"owner_id": "{account_id}", "seen": "x"}]
        for place in ("/patients/{patient_id}", "/leads/{lead_id}")
    },
    **{
        f"{place}/suggested-changes/accept-all": [{}, {"id": "{suggested_change_id}"}]
        for place in ("/patients/{patient_id}", "/leads/{lead_id}")
    },
    "/patients/{patient_id}/clinical-trial-journeys/new": [{}, {"trial_id": "x"}],
    "/patients/{patient_id}/eap-journeys/new": [{}, {"product": "x"}],
    "/patients/{patient_id}/{kind_path}/{journey_id}/move": [{}, {"to": "not_pursued", "reason_code": "other"}],
    "/patients/{patient_id}/eap-journeys/{eap_journey_id}/approvals/{gate}": [
        {}, {"status": "approved", "seen": "x"}, {"decided_on": "x"},
    ],
    "/patients/{patient_id}/eap-journeys/{eap_journey_id}/approvals/{gate}/undo": [{}, {"since": "1", "until": "2"}],
    **{
        f"/{place}/{what}": [{}, sent]
        for place, key in (("leads", "lead_id"), ("patients", "patient_id"), ("tasks", "task_id"))
        for what, sent in {
            "bulk": {"id": f"{{{key}}}", "do": "assign", "to_owner": "nobody"},
            "undo": {"done": f"{{{key}}}:1:2"},
        }.items()
    },
    **{
        f"/{place}/columns": [{}, {"column": "status"}]
        for place in (
            "leads", "patients", "calls", "tasks", "physicians", "hospitals", "specializations", "conditions",
            "trials", "programmes",
            "standing-faults", "doubles", "exports", "documents", "duplicates",
        )
    },
    **{
        f"/{place}/export{step}": [{}, {"reason": "x", "format": "csv", "columns": "condition"}]
        for step in ("", "/file", "/request")
        for place in (
            "leads", "patients", "calls", "tasks", "physicians", "hospitals", "specializations", "conditions",
            "trials", "programmes",
        )
    },
    **{
        f"/{place}/owner": [{}, {"owner_id_typed": "a"}, {"owner_id": "{account_id}"}]
        for place in ("leads", "patients")
    },
    "/physicians": [{}, {"q": "Personcanary"}, {"medical_license_number": "x"}],
    "/hospitals": [{}, {"q": "x"}],
    "/conditions": [{}, {"q": "x"}],
    "/trials": [{}, {"q": "x"}],
    "/programmes": [{}, {"q": "x"}],
    "/physicians/{physician_id}/edit": [{}, {"job_title": "Surgeon"}],
    "/hospitals/{hospital_id}/edit": [{}, {"name": "Other", "is_active": "true"}],
    "/hospitals/new": [{}, {"name": "New"}],
    "/specializations": [{}, {"q": "x"}],
    "/specializations/{specialization_id}/edit": [{}, {"name": "Other", "is_active": "true"}],
    "/specializations/new": [{}, {"name": "New"}],
    "/conditions/{medical_condition_id}/edit": [{}, {"name": "Other", "is_active": "true"}],
    "/conditions/new": [{}, {"name": "New"}],
    "/trials/{clinical_trial_id}/edit": [{}, {"title": "Other", "status": "recruiting"}],
    "/trials/new": [{}, {"trial_id": "NCT01234567"}],
    "/programmes/{eap_program_id}/edit": [{}, {"name": "Other", "product": "x", "status": "open"}],
    "/programmes/new": [{}, {"name": "New", "product": "x"}],
    "/access-reasons": [{}, {"person_id": "{person_id}", "reason": "x", "back": "/history/persons/{person_id}"}],
    **dict.fromkeys(
        (
            "/sign-in/passkey", "/sign-in/passkey/options", "/sign-in/second-factor/passkey",
            "/sign-in/second-factor/passkey/options", "/unlock/passkey", "/unlock/passkey/options",
            "/sign-in/enrolment/passkey", "/sign-in/enrolment/passkey/options", "/account/passkeys",
            "/account/passkeys/options",
        ),
        ({},),
    ),
    "/_gallery/echo": [{}],
}  # fmt: skip
HISTORY = ["", "?as_of=2100-01-01T10:00", "?cursor=x"]
ASKED_BY_ADDRESS: dict[str, Sequence[str]] = {
    **dict.fromkeys(
        (
            "/", "/sign-in", "/sign-in/second-factor", "/sign-in/recovery", "/sign-in/enrolment", "/forgot-password",
            "/invitation/{token}", "/reset/{token}", "/sign-in/outside", "/sign-in/outside/callback", "/unlock",
            "/resume/{held_form_id}", "/account", "/account/password", "/account/app", "/account/recovery-codes",
            "/feeds/calls/{token}.ics", "/account/sessions", "/account/preferences", "/account/availability",
            "/availability", "/availability/{user_account_id}", "/availability/{user_account_id}/hand-over",
            "/hand-over", "/callers/new", "/users/new", "/users/{account_id}", "/users/{account_id}/name",
            "/api-keys/new", "/api-keys/{api_key_id}", "/break-glass/{access_opening_id}", "/break-glass/mine",
            "/mailbox", "/health", "/health/live", "/health/ready", "/docs", "/redoc", "/openapi.json", "/_gallery",
            "/_gallery/errors/{status}", "/_gallery/{name}",
        ),
        ("",),
    ),
    "/users": ["", "?q=Opener", "?cursor=x"],
    "/api-keys": ["", "?all=1", "?cursor=x"],
    "/audit": ["", "?person_id={person_id}", "?account=Opener", "?record_id={record_id}", "?cursor=x"],
    "/audit/export": ["", "?person_id={person_id}"],
    "/audit/persons/{person_id}": ["", "?from_at=2020-01-01T00:00"],
    "/break-glass": ["", "?kind=reveal", "?kind=outside_caseload", "?state=reviewed", "?kind=x"],
    "/patients": [
        "", "?status=active", "?owner_id={account_id}", "?cursor=x",
        "?medical_condition_id={medical_condition_id}",
    ],
    "/patients/{patient_id}": ["", "?cursor=x", "?about=calls", "?about=moves"],
    **{f"{place}/facts/{{fact}}": [""] for place in RECORD_PAGES},
    **{f"{place}/history": [""] for place in RECORD_PAGES},
    **{
        f"{place}/{part}{end}": [""]
        for place in RECORD_PAGES
        for part, key, _new, _changed in ATTACHED
        if part != "physicians" or place.startswith("/patients")
        for end in ("/new", f"/{{{key}}}/edit")
    },
    "/patients/{patient_id}/dates/{date}": [""],
    **dict.fromkeys(("/patients/{patient_id}/cases/{case}", "/leads/{lead_id}/cases/{case}"), ("",)),
    **{
        f"{place}/{what}/new": [""]
        for place in ("/patients/{patient_id}", "/leads/{lead_id}")
        for what in ("calls", "bookings", "tasks", "documents")
    },
    "/search": ["", "?step=calls", "?step=x", "?q=Personcanar"],
    "/stage-norms": [""],
    "/exports": ["", "?state=expired", "?cursor=x"],
    "/exports/{export_request_id}": [""],
    "/documents": ["", "?expiry=in_90_days&owner=me", "?kind=letter", "?cursor=x"],
    "/documents/{document_id}": [""],
    "/views/{saved_view_id}": [""],
    "/notifications/choices": [""],
    "/notifications": ["", "?is_unread=true", "?cursor=x"],
    "/documents/{document_id}/versions/{number}/content": ["", "?view=1"],
    "/patients/{patient_id}/peek": [""],
    "/leads/{lead_id}/peek": [""],
    "/today": [""],
    "/calls": [
        "", "?unresolved=true", "?status=open", "?pn_id={person_id}", "?cursor=x", "?occurs_from=2020-01-01T00:00",
    ],
    "/calls/agenda": ["", "?view=week&of=team", "?date=2031-06-03&of=team", "?view=x"],
    "/tasks": ["", "?owner=me&status=open", "?view=none", "?status=closed", "?cursor=x", "?person_id={person_id}"],
    "/calls/{call_id}/outcome": [""],
    "/calls/{call_id}/move": [""],
    "/calls/{call_id}/cancel": [""],
    "/leads": ["", "?status=new", "?owner_id={account_id}", "?cursor=x", "?person_id={person_id}"],
    "/leads/{lead_id}": ["", "?cursor=x"],
    "/leads/{lead_id}/move": ["", "?to=disqualified"],
    "/leads/{lead_id}/convert": [""],
    "/patients/{patient_id}/status": ["", "?to=paused", "?to=deceased"],
    "/tasks/{task_id}": [""],
    "/patients/{patient_id}/tasks/new": ["", "?ask=approvals&journey={eap_journey_id}"],
    "/patients/{patient_id}/clinical-trial-journeys/new": [""],
    "/patients/{patient_id}/eap-journeys/new": [""],
    "/patients/{patient_id}/{kind_path}/{journey_id}/move": ["", "?to=pre_screening"],
    **dict.fromkeys(
        (
            "/patients/{patient_id}/eap-journeys/{eap_journey_id}/approvals",
            "/patients/{patient_id}/eap-journeys/{eap_journey_id}/approvals/{gate}",
        ),
        ("",),
    ),
    "/physicians": ["", "?is_active=true", "?hospital_id={hospital_id}", "?cursor=x", "?medical_license_number=x"],
    **dict.fromkeys(("/hospitals", "/conditions", "/specializations"), ("", "?is_active=true", "?cursor=x")),
    **dict.fromkeys(("/trials", "/programmes"), ("", "?status=x", "?cursor=x")),
    **dict.fromkeys(
        (
            "/physicians/{physician_id}", "/physicians/{physician_id}/edit", "/hospitals/{hospital_id}",
            "/hospitals/{hospital_id}/edit", "/hospitals/new", "/specializations/{specialization_id}",
            "/specializations/{specialization_id}/edit", "/specializations/new", "/conditions/{medical_condition_id}",
            "/conditions/{medical_condition_id}/edit", "/conditions/new", "/trials/{clinical_trial_id}",
            "/trials/{clinical_trial_id}/edit", "/trials/new", "/programmes/{eap_program_id}",
            "/programmes/{eap_program_id}/edit", "/programmes/new",
        ),
        ("",),
    ),
    "/suggestions": ["", "?decision=open&owner=me", "?field=last_name", "?source=api", "?cursor=x"],
    "/came-back": ["", "?state=closed", "?state=x"],
    "/standing-faults": ["", "?record_type=call_history", "?cursor=x"],
    "/people/{person_id}": ["", "?about=calls"],
    "/duplicates": ["", "?decision=different_people", "?cursor=x"],
    "/duplicates/{duplicate_candidate_id}": [""],
    "/doubles": ["", "?record_type=physician", "?cursor=x"],
    "/came-back/{came_back_id}": [""],
    "/break-glass/new": ["", "?person_id={person_id}"],
    **{
        f"/history/{kind}/{{record_id}}": HISTORY
        for kind in (
            "persons", "leads", "patients", "call-history", "tasks", "notes", "documents", "physicians",
            "clinical-trial-journeys", "eap-journeys", "medical-conditions", "hospitals", "specializations",
            "clinical-trials", "eap-programs",
        )
    },
}  # fmt: skip
"""By the route's path: the queries with which it is asked."""
FRAGMENT = {"hx-request": "true", "hx-target": "div#page"}


def _routes(routes: list[BaseRoute]) -> Iterator[Route]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _routes(included.routes)
        elif isinstance(route, Route) and not isinstance(route, GuardedRoute):
            yield route
        else:
            assert isinstance(route, GuardedRoute) or (isinstance(route, Mount) and route.path == "/static"), route


def _pages() -> list[tuple[str, Route]]:
    return [
        (method, route)
        for route in _routes(create_app(Settings()).routes)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


PAGES = _pages()


def test_every_address_outside_the_api_says_how_it_is_asked() -> None:
    asked = {("GET", path) for path in ASKED_BY_ADDRESS} | {("POST", path) for path in ASKED_BY_FORM}
    assert {(method, route.path) for method, route in PAGES} == asked


def test_what_no_guard_stands_before_is_named_here() -> None:
    unguarded = {route.path for _, route in PAGES if not isinstance(route, PageRoute)}
    assert {path for path in unguarded if not path.startswith("/_gallery")} == {
        "/health", "/health/live", "/health/ready", "/docs", "/redoc", "/openapi.json",
    }  # fmt: skip


def _canary_columns() -> list[tuple[Table, Column[object]]]:
    return [
        (table, column)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info["privacy"] in {"personal", "health", "secret"}
    ]


def _word(table: Table, column: Column[object]) -> str:
    word = {"personal": P, "health": H, "secret": S}[str(column.info["privacy"])]
    return STAFF if table.name in STAFF_TABLES and word != S else word


CODED = {
    "call_history.adverse_event_heard", "call_history.occurs_at", "clinical_trial_journey.clinical_trial_id",
    "clinical_trial_journey.eligible", "clinical_trial_journey.medical_condition_id", "clinical_trial_journey.status",
    "document.kind", "eap_gate.status", "eap_journey.eap_program_id", "eap_journey.medical_condition_id",
    "eap_journey.status",
    "intake_submission.language", "note.adverse_event_heard", "patient.medical_condition_id",
    "patient_lead.medical_condition_id",
    "patient_physician_relationship.relationship_type", "person.country", "person.date_of_birth_precision",
    "person.gender", "person.phone_valid", "person_relationship.authority", "person_relationship.relationship_type",
    "suggested_change.phone_country",
}  # fmt: skip
"""Columns that cannot hold a canary: keys, codes, truth values, and what is computed of others."""


ROWS = """
account_preference (user_account_id) VALUES (:account);
saved_view_choice (user_account_id, saved_view_id, list_name)
 SELECT :account, saved_view_id, list_name FROM saved_view;
web_session (user_account_id, reference_sha256, stage, signed_in_at, last_seen_at, proved_at, browser, source)
 VALUES (:account, HASH, 'open', now(), now(), now(), 'x', 'x');
password_credential (user_account_id, hash, changed_at) VALUES (:account, 'x', now());
totp_credential (user_account_id, secret_encrypted, last_step) VALUES (:account, 'x', 0);
passkey (user_account_id, credential_id, public_key, sign_count, name) VALUES (:account, 'x', 'x', 0, 'x');
passkey_challenge (holder_sha256, ceremony, challenge, expires_at) VALUES (HASH, 'enrol', 'x', now());
recovery_code (user_account_id, code_sha256) VALUES (:account, HASH);
one_time_link (user_account_id, purpose, token_sha256, expires_at) VALUES (:account, 'reset', HASH, now());
calendar_feed (user_account_id, token_sha256) VALUES (:account, HASH);
sign_in_attempt (at, account_sha256, source, known_device) VALUES (now(), HASH, 'x', false);
known_device (user_account_id, reference_sha256, last_used_at) VALUES (:account, HASH, now());
held_form (user_account_id, path, fields, expires_at) VALUES (:account, '/', '{}', now() + interval '1 hour');
outside_identity (user_account_id, issuer, subject) VALUES (:account, 'x', 'x');
outside_sign_in (state_sha256, holder_sha256, nonce, code_verifier, next_path, expires_at)
 VALUES (HASH, HASH, 'x', 'x', '/', now());
list_export (list_path, columns, format, row_count, reason) VALUES ('/leads', '{}', 'csv', 0, 'Staffcanary');
outgoing_mail (to_address, subject, body, due_at) VALUES ('x', 'x', 'x', now());
idempotency_key (owner_id, key, request_hash, status, answer) VALUES (:account, 'x', HASH, 200, 'x')
"""
"""A row in each table that the world of tests/canaries.py leaves empty."""


async def _fill(session: AsyncSession, world: World) -> None:
    """A row in every table, and a canary in every column that can hold one."""
    opener = {"account": world.ids["user_account_id"]}
    for insertion in ROWS.replace("HASH", "decode(repeat('41', 32), 'hex')").strip().split(";\n"):
        await session.execute(text(f"INSERT INTO {insertion}"), opener)
    event = {"from_status": f"{H} from", "to_status": f"{H} to", "reason_code": f"{H} code", "guards": {"x": H}}
    session.add(JourneyEvent(lead_id=world.ids["lead_id"], happened_at=clock.now(), reason=f"{H} reason", **event))
    patient = await session.get(Patient, world.ids["patient_id"])
    assert patient is not None
    await a_call(session, patient, voided_at=clock.now(), void_reason=f"{P} void")
    person = await session.get_one(Person, world.person_id)
    await a_note(session, person, text=f"{H} text", voided_at=clock.now(), void_reason=f"{P} void")
    await a_document(session, person, title=f"{H} title", voided_at=clock.now(), void_reason=f"{P} void")
    unable = set()
    for table, column in _canary_columns():
        name = f"{table.name}.{column.name}"
        is_short = isinstance(column.type, String) and (column.type.length or 100) < len(_word(table, column))
        if is_short or isinstance(column.server_default, Computed):
            unable.add(name)
            continue
        if await _holds_one(session, table, column):
            continue
        try:
            async with session.begin_nested():
                await _set(session, table, column)
        except DBAPIError:
            unable.add(name)
    await session.commit()
    assert (sorted(unable - CODED), sorted(CODED - unable)) == ([], [])


async def _holds_one(session: AsyncSession, table: Table, column: Column[object]) -> bool:
    word = _word(table, column)
    found = f"encode({column.name}, 'escape')" if isinstance(column.type, LargeBinary) else f"{column.name}::text"
    dates = "|1931-07-13|1987-03-17" if isinstance(column.type, (Date, DateTime)) else ""
    query = text(f"SELECT count(*) FROM {table.name} WHERE {found} ~* :word")
    return bool(await session.scalar(query, {"word": f"{word}{dates}|{ZONE}"}))


async def _set(session: AsyncSession, table: Table, column: Column[object]) -> None:
    """The canary in the oldest row of the table."""
    word = f"{_word(table, column)}-{table.name}-{column.name}"
    value = ":word"
    if isinstance(column.type, LargeBinary):
        value = "convert_to(rpad(:word, 32, '-'), 'UTF8')"
    elif isinstance(column.type, JSONB):
        value = "jsonb_build_object('x', CAST(:word AS text))"
    elif isinstance(column.type, (Date, DateTime)):
        word = "1931-07-13" if column.info["privacy"] == "personal" else "1987-03-17"
        value = f"CAST(CAST(:word AS text) AS {'date' if isinstance(column.type, Date) else 'timestamptz'})"
    elif isinstance(column.type, ARRAY):
        value = "ARRAY[CAST(:word AS text)]"
    elif isinstance(column.type, (Uuid, Boolean)):
        value = "CAST(CAST(:word AS text) AS uuid)"
    elif table.name == "task" and column.name == "due_time_zone":
        # The clock of this zone is read.
        word = ZONE
    elif isinstance(column.type, String) and column.type.length is not None:
        word = word[: column.type.length]
    query = f"UPDATE {table.name} SET {column.name} = {value} WHERE ctid = (SELECT min(ctid) FROM {table.name})"
    await session.execute(text(query), {"word": word})
    assert await _holds_one(session, table, column), f"{table.name}.{column.name}"


@dataclass
class Walk:
    """A browser that goes to every address as one role; what it did there is undone."""

    browser: httpx.AsyncClient
    bound: BoundDatabase
    ids: dict[str, str]
    token: str

    async def ask(
        self, method: str, route: Route, sent: dict[str, str] | str, headers: dict[str, str]
    ) -> list[httpx.Response]:
        undo, cookies = await self.bound.connection.begin_nested(), httpx.Cookies(self.browser.cookies)
        try:
            return await self.send(method, route, sent, headers)
        finally:
            await undo.rollback()
            self.browser.cookies = cookies

    async def send(
        self, method: str, route: Route, sent: dict[str, str] | str, headers: dict[str, str]
    ) -> list[httpx.Response]:
        path = self._filled(route.path)
        if method == "GET":
            first = await self.browser.get(path + self._filled(str(sent)), headers=headers)
        elif "passkey" in path and not path.endswith("/remove"):
            body = {"credential": {}, "next": "/"}
            first = await self.browser.post(path, json=body, headers=headers | {"x-csrf-token": self.token})
        else:
            assert isinstance(sent, dict)
            form = {name: self._filled(value) for name, value in sent.items()}
            takes_file = isinstance(route, PageRoute) and route.needs.upload
            files = {"file": PDF} if takes_file else None
            first = await self.browser.post(path, data=form | {"csrf_token": self.token}, headers=headers, files=files)
        answers = [first]
        place = first.headers.get("location", first.headers.get("hx-redirect", ""))
        if place.startswith("/") and first.status_code == 303:
            answers.append(await self.browser.get(place, headers=headers))
        return answers

    def _filled(self, path: str) -> str:
        for name, value in self.ids.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, path
        return path


async def _walk(
    browser: httpx.AsyncClient,
    bound: BoundDatabase,
    session: AsyncSession,
    settings: Settings,
    world: World,
    *roles: str,
) -> Walk:
    who = await somebody(session, settings, *(roles or ("navigator",)), email="viewer@crm.example", name="Vera Viewer")
    token = ""
    if roles:
        token = await signed_in(browser, session, who.account_id)
    now = clock.now()
    held = await held_forms.hold(session, account_id=who.account_id, path="/", fields=[("reason", "own")], now=now)
    link = await links.make_link(session, account_id=who.account_id, purpose="invitation", now=now)
    other, _ = await sessions.open_session(
        session, account_id=who.account_id, stage="open", origin=Origin("127.0.0.1", "Other"), now=now
    )
    await session.commit()
    ids = {name: str(value) for name, value in world.ids.items()} | {
        "person_id": str(world.person_id), "account_id": str(world.ids["user_account_id"]), "token": link,
        "held_form_id": str(held), "web_session_id": str(other.web_session_id), "passkey_id": NO_WORLD,
        "status": "404", "name": "forms", "record_id": str(world.person_id),
        "kind_path": "clinical-trial-journeys", "journey_id": str(world.ids["ct_journey_id"]),
        "draft_field": "call", "gate": "ethics", "fact": "email", "date": "first_contact_date", "case": "owner_id",
    }  # fmt: skip
    return Walk(browser, bound, ids, token)


def _closed_words(route: Route, roles: tuple[str, ...]) -> list[str]:
    """The canaries that these roles may not see at this address."""
    if route.path == MAILBOX:
        return [P, H]
    permission = (route.needs.permission or route.needs.seen_by) if isinstance(route, PageRoute) else None
    granting = [Role(role) for role in roles if permission in GRANTS[Role(role)]]
    words = list(SECRET)
    # Conditions, trials and the like are about nobody: their permission says so.
    about_people = permission is None or PERMISSIONS[permission].personal
    for privacy, canaries in (("personal", PERSONAL), ("health", HEALTH)):
        if about_people and not any(SIGHT[role][privacy] is Sight.CLEAR for role in granting):
            words += canaries
    shown = STAFF_SHOWN.get(permission or "", set()) if granting else set()
    return words + [f"{STAFF}-{table}" for table in STAFF_TABLES - shown]


def _told(answer: httpx.Response) -> str:
    return answer.text + "\n".join(f"{name}: {value}" for name, value in answer.headers.items())


VIEWERS = [(), *((role.value,) for role in HUMAN_ROLES), ("auditor", "admin")]


@pytest.mark.long
@pytest.mark.parametrize("roles", VIEWERS, ids=lambda roles: "+".join(roles) or "nobody")
async def test_no_answer_outside_the_api_shows_what_its_viewer_may_not_see(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, roles: tuple[str, ...]
) -> None:
    world = await a_world(session)
    await _fill(session, world)
    app: FastAPI = create_app(settings, bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("127.0.0.1", 1))
    leaks: list[object] = []
    broken: list[object] = []
    clear: set[str] = set()
    headers = {"accept": "text/html", "origin": "http://test"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
        walk = await _walk(browser, bound, session, settings, world, *roles)
        for method, route in PAGES:
            kind = route.path.removeprefix("/history/").partition("/")[0]
            walk.ids["record_id"] = str(world.by_path.get(kind, world.person_id))
            closed = _closed_words(route, roles)
            asked = ASKED_BY_ADDRESS[route.path] if method == "GET" else ASKED_BY_FORM[route.path]
            for sent in asked:
                for asked_as in ({}, FRAGMENT) if sent == "" else ({},):
                    answers = await walk.ask(method, route, sent, asked_as)
                    told = "\n".join(map(_told, answers))
                    seen = [word for word in closed if word in told]
                    leaks += [(method, route.path, sent, seen)] if seen else []
                    broken += [(method, route.path, sent)] if any(a.status_code == 500 for a in answers) else []
                    clear |= {word for word in (P, H, STAFF) if word in told}
    assert leaks == []
    assert broken == []
    if roles in {("navigator",), ("data_steward",)}:
        assert {P, H} <= clear, "the walk sees nothing"
    if "admin" in roles:
        assert STAFF in clear
