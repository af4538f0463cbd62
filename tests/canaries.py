"""
One person with a record of every kind, whose personal and health values are canaries: wherever one shows up, it leaked.

`World.ids` gives the id for every parameter of an address, so that tests can walk all routes of the application.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.access.keys import bearer
from app.access.models import ApiKey
from app.access.openings.models import AccessOpening
from app.access.policy import Role
from app.access.request_guard import GuardedRoute
from app.access.service import command_actor, create_api_key, open_account
from app.audit.service import state_change_reason
from app.availability.models import Absence
from app.conditions.models import MedicalCondition
from app.drafts.models import Draft
from app.events.models import JourneyEvent
from app.exports.models import ExportRequest
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapGate
from app.main import create_app
from app.notifications.models import Notification
from app.patients.models import PatientPhysicianRelationship
from app.people.departures.models import CameBack, PersonDeparture
from app.people.models import (
    ContactPoint,
    ContactType,
    DuplicateCandidate,
    IntakeSubmission,
    PersonContactType,
    PersonRelationship,
    SuggestedChange,
)
from app.platform import clock
from app.platform.settings import Settings
from app.saved_views.models import SavedView
from tests.builders import (
    a_call,
    a_document,
    a_lead,
    a_note,
    a_patient,
    a_person,
    a_physician,
    a_programme,
    a_task,
    a_trial,
    a_trial_journey,
    an_eap_journey,
)

P, H = "Personcanary", "Healthcanary"
"""Begins every canary text of its class."""
BIRTH = date(1931, 7, 13)
SICK = date(1987, 3, 17)
HOUR = timedelta(hours=1)
SICK_AT = datetime(1987, 3, 17, 4, 5, tzinfo=UTC)
PERSONAL = (P, P.lower(), "1931-07-13", "3161234567")
HEALTH = (H, "1987-03-17", "St_Johns")


@dataclass
class World:
    """The ids of the person's records by the name of the address parameter; `by_path` for `{record_id}`."""

    person_id: UUID
    ids: dict[str, UUID | str] = field(default_factory=dict)
    by_path: dict[str, UUID] = field(default_factory=dict)

    def address(self, route: GuardedRoute) -> str:
        path = route.path
        for name in route.param_convertors:
            value = self.by_path[route.path.split("/")[3]] if name == "record_id" else self.ids[name]
            path = path.replace(f"{{{name}}}", str(value))
        return path


def guarded_routes(app: FastAPI | None = None) -> list[GuardedRoute]:
    """Every route of the JSON API."""
    app = app or create_app(Settings())
    return [route for route in app.routes if isinstance(route, GuardedRoute)]


async def give_draft(session: AsyncSession, headers: Mapping[str, str]) -> None:
    """Make the world's draft that of whom these headers name: nobody is shown the draft of somebody else."""
    await _give(session, headers, Draft.user_account_id)


async def give_notification(session: AsyncSession, headers: Mapping[str, str]) -> None:
    """As `give_draft`, of the world's notification."""
    await _give(session, headers, Notification.user_account_id)


async def give_export_request(session: AsyncSession, headers: Mapping[str, str]) -> None:
    """As `give_draft`, of the world's request for an export."""
    await _give(session, headers, ExportRequest.requested_by)


async def _give(session: AsyncSession, headers: Mapping[str, str], owner: InstrumentedAttribute[UUID]) -> None:
    key = bearer(headers["Authorization"])
    assert key is not None
    whose = select(ApiKey.user_account_id).where(ApiKey.prefix == key.prefix).scalar_subquery()
    await session.execute(update(owner.class_).values({owner: whose}))
    await session.commit()


async def a_world(session: AsyncSession) -> World:
    """The person and one record of every kind, committed, each changed once so that history has canaries too."""
    now = clock.now()
    condition = MedicalCondition(name=f"{H} syndrome", abbreviation=f"{H}S")
    session.add(condition)
    await session.flush()
    sick = {"medical_condition_id": condition.medical_condition_id}
    person = await a_person(
        session,
        first_name=f"{P}First",
        last_name=f"{P}Last",
        middle_name=f"{P}Middle",
        preferred_name=f"{P}Preferred",
        email=f"{P}@canary.example",
        phone="+31 6 1234567",
        phone_e164="+3161234567",
        date_of_birth=BIRTH,
        gender="other",
        country="NL",
        language="nl",
        time_zone="Europe/Amsterdam",
    )
    world = World(person.person_id)
    other = await a_person(session, first_name=f"{P}Other", last_name=f"{P}Other")
    patient = await a_patient(
        session,
        person,
        first_contact_date=SICK,
        initial_consult_date=SICK,
        status_reason=f"{H} reason",
        deleted_reason=f"{H} deleted",
        **sick,
    )
    lead = await a_lead(
        session,
        person,
        reason_code=f"{H}-code",
        reason=f"{H} reason",
        landing_page_url=f"https://trials.example/?name={P}",
        wake_up_on=SICK,
        **sick,
    )
    call = await a_call(
        session,
        patient,
        call_date=SICK_AT,
        booking_date=SICK_AT,
        booking_time_zone="America/St_Johns",
        reminder_date=SICK_AT,
        status="completed",
        outcome=f"{H} outcome",
        adverse_event_heard=True,
        notes=f"{H} notes",
    )
    doctor = await a_physician(
        session,
        await a_person(session, first_name=f"{P}Doctor", last_name=f"{P}Doctor"),
        medical_license_number=f"{P}-licence",
    )
    care = PatientPhysicianRelationship(
        patient_id=patient.patient_id,
        physician_id=doctor.physician_id,
        relationship_type="treating",
        start_date=SICK,
    )
    trial = await a_trial(session, title=f"{H} trial")
    trial_journey = await a_trial_journey(
        session,
        patient,
        clinical_trial_id=trial.clinical_trial_id,
        physician_id=doctor.physician_id,
        referral_date=SICK,
        eligible=False,
        ineligible_reason=f"{H} ineligible",
        outcome=f"{H} outcome",
        notes=f"{H} notes",
        on_hold_reason=f"{H} hold",
        on_hold_until=SICK,
        status_changed_at=SICK_AT,
        **sick,
    )
    programme = await a_programme(session, product=f"{H}mab")
    eap_journey = await an_eap_journey(
        session,
        patient,
        eap_program_id=programme.eap_program_id,
        eap_number=f"{H}-1",
        product=f"{H}mab",
        notes=f"{H} notes",
        **sick,
    )
    task = await a_task(
        session,
        person,
        patient_id=patient.patient_id,
        title=f"{H} title",
        details=f"{H} details",
        due_at=SICK_AT,
        due_by=SICK_AT,
        due_time_zone="America/St_Johns",
        snoozed_until=SICK_AT,
        repeat_every=1,
        repeat_unit="week",
        repeat_until=SICK,
        repeats_from=SICK,
        status="done",
        done_at=now,
    )
    await a_task(session, person, title=f"{H} title", due_at=None, due_on=SICK, due_by=SICK_AT)
    note = await a_note(session, person, text=f"{H} text", adverse_event_heard=True)
    document = await a_document(session, person, title=f"{H} document", kind="imaging", expires_on=SICK)
    role = await session.scalar(select(ContactType.contact_type_id).where(ContactType.type_name == "patient"))
    assert role is not None
    submission = IntakeSubmission(
        source="api",
        payload={"notes": f"{H} payload"},
        language="nl",
        person_id=person.person_id,
        match_outcome="new_person",
    )
    hospital, specialization = Hospital(name="Canary hospital"), Specialization(name="Canary medicine")
    session.add_all([care, submission, hospital, specialization])
    await session.flush()
    lead.intake_submission_id = submission.intake_submission_id
    session.add(Hospital(name="Canary hospital", is_double=True))
    await session.flush()
    contact = PersonContactType(person_id=person.person_id, contact_type_id=role, valid_from=clock.now())
    relation = PersonRelationship(
        person_id=person.person_id,
        related_person_id=other.person_id,
        relationship_type="parent",
        authority="parental",
        start_date=BIRTH,
        notes=f"{H} notes",
    )
    suggestion = SuggestedChange(
        person_id=person.person_id,
        table_name="person",
        record_id=person.person_id,
        field="last_name",
        ours=f"{P}Last",
        ours_version=1,
        theirs=f"{P}Theirs",
        value_hash="canary",
        source="api",
        intake_submission_id=submission.intake_submission_id,
        decision="rejected",
        decided_at=now,
        reason=f"{H} reason",
    )
    about_the_case = SuggestedChange(
        person_id=person.person_id,
        table_name="patient",
        record_id=patient.patient_id,
        field="status_reason",
        ours=f"{H} ours",
        ours_version=1,
        theirs=f"{H} theirs",
        value_hash="canary",
        source="api",
        decision="rejected",
        decided_at=now,
    )
    pair = DuplicateCandidate(
        person_id=min(person.person_id, other.person_id),
        other_person_id=max(person.person_id, other.person_id),
        reasons=["phone"],
        reason=f"{H} reason",
    )
    account = await open_account(session, command_actor(), display_name="Opener", role=Role.AUDITOR, kind="human")
    await create_api_key(session, command_actor(), account_id=account.user_account_id, name="Opener's")
    api_key_id = (
        await session.scalars(select(ApiKey.api_key_id).where(ApiKey.user_account_id == account.user_account_id))
    ).one()
    opening = AccessOpening(
        kind="break_glass",
        user_account_id=account.user_account_id,
        person_id=person.person_id,
        reason="A reason",
        created_at=now,
        expires_at=now,
    )
    point = ContactPoint(
        person_id=person.person_id, kind="email", value=f"{P}2@canary.example", value_key=f"{P.lower()}2@canary"
    )
    departure = PersonDeparture(
        person_id=person.person_id,
        kind="withdrawn",
        departed_on=SICK,
        source=f"{H} source",
        reason=f"{H} reason",
        ended_at=now,
        ended_how="returned",
        ended_reason=f"{H} back",
    )
    came_back = CameBack(
        person_id=person.person_id,
        kind="withdrawn",
        intake_submission_id=submission.intake_submission_id,
        closed_at=now,
        close_reason=f"{H} decision",
    )
    notification = Notification(
        user_account_id=account.user_account_id,
        kind="assigned",
        record_type="patient",
        record_id=patient.patient_id,
        person_id=person.person_id,
    )
    session.add(notification)
    absence = Absence(user_account_id=account.user_account_id, kind="other", starts_at=now, ends_at=now + HOUR)
    session.add(absence)
    export = ExportRequest(
        requested_by=account.user_account_id,
        list_name="leads",
        question={"status": "new"},
        columns=["name"],
        reason="A reason",
        expires_at=now + HOUR,
    )
    session.add(export)
    view = SavedView(
        user_account_id=account.user_account_id, list_name="hospitals", name="A view", filters={}, is_shared=True
    )
    draft = Draft(
        user_account_id=account.user_account_id,
        kind="note",
        record_id=person.person_id,
        field="new",
        person_id=person.person_id,
        content={"text": f"{H} draft"},
        saved_at=now,
        expires_at=now + timedelta(days=30),
    )
    session.add_all(
        [
            draft,
            view,
            departure,
            came_back,
            contact,
            relation,
            suggestion,
            about_the_case,
            pair,
            opening,
            point,
            EapGate(
                eap_journey_id=eap_journey.eap_journey_id,
                gate="ethics",
                notes=f"{H} gate",
                reference_number=f"{H} reference",
                decided_on=SICK,
                expires_on=SICK,
            ),
            *(
                JourneyEvent(**{key: value}, to_status="x", happened_at=SICK_AT, reason=f"{H} event")
                for key, value in {
                    "lead_id": lead.lead_id,
                    "patient_id": patient.patient_id,
                    "ct_journey_id": trial_journey.ct_journey_id,
                    "eap_journey_id": eap_journey.eap_journey_id,
                }.items()
            ),
        ]
    )
    await session.flush()
    await state_change_reason(session, f"{P} said so")
    for change in (
        "UPDATE person SET last_name = last_name || 'New' WHERE person_id = :person",
        "UPDATE patient SET status_reason = status_reason || ' new' WHERE person_id = :person",
        "UPDATE patient_lead SET reason = reason || ' new' WHERE person_id = :person",
        "UPDATE call_history SET notes = notes || ' new' WHERE person_id = :person",
        "UPDATE note SET text = text || ' new' WHERE person_id = :person",
        "UPDATE document SET title = title || ' new' WHERE person_id = :person",
        "UPDATE document_version SET sha256 = 'H' WHERE document_id = :document",
        "UPDATE task SET title = title || ' new' WHERE person_id = :person",
        "UPDATE clinical_trial_journey SET notes = notes || ' new' WHERE patient_id = :patient",
        "UPDATE eap_journey SET notes = notes || ' new' WHERE patient_id = :patient",
        "UPDATE physician SET medical_license_number = medical_license_number || 'N' WHERE physician_id = :physician",
    ):
        await session.execute(
            text(change),
            {
                "person": person.person_id,
                "patient": patient.patient_id,
                "document": document.document_id,
                "physician": doctor.physician_id,
            },
        )
    await session.commit()
    world.ids = {
        "person_id": person.person_id,
        "patient_id": patient.patient_id,
        "lead_id": lead.lead_id,
        "call_id": call.call_id,
        "task_id": task.task_id,
        "note_id": note.note_id,
        "notification_id": notification.notification_id,
        "document_id": document.document_id,
        "number": "1",
        "physician_id": doctor.physician_id,
        "patient_physician_id": care.patient_physician_id,
        "clinical_trial_id": trial.clinical_trial_id,
        "ct_journey_id": trial_journey.ct_journey_id,
        "eap_program_id": programme.eap_program_id,
        "eap_journey_id": eap_journey.eap_journey_id,
        "gate": "ethics",
        "kind": "assigned",
        "journey_kind": "eap_journey",
        "stage": "inquiry",
        "role_id": contact.person_contact_type_id,
        "contact_point_id": point.contact_point_id,
        "relationship_id": relation.person_relationship_id,
        "suggested_change_id": suggestion.suggested_change_id,
        "duplicate_candidate_id": pair.duplicate_candidate_id,
        "departure_id": departure.person_departure_id,
        "came_back_id": came_back.came_back_id,
        "saved_view_id": view.saved_view_id,
        "draft_kind": draft.kind,
        "draft_record_id": draft.record_id,
        "draft_field": draft.field,
        "user_account_id": account.user_account_id,
        "api_key_id": api_key_id,
        "absence_id": absence.absence_id,
        "access_opening_id": opening.access_opening_id,
        "export_request_id": export.export_request_id,
        "medical_condition_id": condition.medical_condition_id,
        "hospital_id": hospital.hospital_id,
        "specialization_id": specialization.specialization_id,
    }
    world.by_path = {
        "persons": person.person_id,
        "leads": lead.lead_id,
        "patients": patient.patient_id,
        "call-history": call.call_id,
        "tasks": task.task_id,
        "notes": note.note_id,
        "documents": document.document_id,
        "physicians": doctor.physician_id,
        "clinical-trial-journeys": trial_journey.ct_journey_id,
        "eap-journeys": eap_journey.eap_journey_id,
        "medical-conditions": condition.medical_condition_id,
        "hospitals": hospital.hospital_id,
        "specializations": specialization.specialization_id,
        "clinical-trials": trial.clinical_trial_id,
        "eap-programs": programme.eap_program_id,
    }
    return world
