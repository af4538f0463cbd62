"""The database keeps the rules of journeys: every constraint is violated once."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.db import constraint_name
from tests.builders import a_patient, a_programme, a_trial, a_trial_journey, an_eap_journey

CT = "INSERT INTO clinical_trial_journey (patient_id, {}) VALUES (:patient, {})"
PROGRAMME = "INSERT INTO eap_program (name, name_key, product, {}) VALUES ('A', 'a', {})"
EAP = (
    "INSERT INTO eap_journey (patient_id, eap_number, number_scope, eap_number_key, {})"
    " VALUES (:patient, 'EAP-0', '', 'EAP0', {})"
)
NOBODY = "'00000000-0000-7000-8000-000000000000'"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "INSERT INTO clinical_trial (trial_id, registry_code) VALUES ('1', 'NTR')",
            "ck_clinical_trial_registry_known",
        ),
        (
            "INSERT INTO clinical_trial (trial_id, registry_code) VALUES (' ', 'NCT')",
            "ck_clinical_trial_trial_id_not_blank",
        ),
        (
            "INSERT INTO clinical_trial (trial_id, registry_code, status) VALUES ('1', 'NCT', 'open')",
            "ck_clinical_trial_status_known",
        ),
        (
            "INSERT INTO clinical_trial (trial_id, registry_code) VALUES ('7', 'NCT'), ('7', 'NCT')",
            "uq_clinical_trial_trial_id",
        ),
        (
            "INSERT INTO eap_program (name, name_key, product) VALUES ('A', 'a', ' ')",
            "ck_eap_program_product_not_blank",
        ),
        (
            "INSERT INTO eap_program (name, name_key, product, status) VALUES ('A', 'a', 'B', 'x')",
            "ck_eap_program_status_known",
        ),
        (
            "INSERT INTO eap_program (name, name_key, product) VALUES ('A', 'a', 'B'), ('a', 'a', 'C')",
            "uq_eap_program_keys",
        ),
        (CT.format("status", "'dreaming'"), "ck_clinical_trial_journey_status_known"),
        (
            CT.format("enrollment_date, completion_date", "'2026-02-02', '2026-02-01'"),
            "ck_clinical_trial_journey_completed_after_enrolled",
        ),
        (
            CT.format("referral_date, enrollment_date", "'2026-02-02', '2026-02-01'"),
            "ck_clinical_trial_journey_enrolled_after_referred",
        ),
        (
            CT.format("eligible, ineligible_reason", "true, 'Age'"),
            "ck_clinical_trial_journey_reason_when_not_eligible",
        ),
        (CT.format("physician_id", NOBODY), "fk_clinical_trial_journey_physician_id"),
        (CT.format("clinical_trial_id", NOBODY), "fk_clinical_trial_journey_clinical_trial_id"),
        (CT.format("medical_condition_id", NOBODY), "fk_clinical_trial_journey_medical_condition_id"),
        (
            f"INSERT INTO clinical_trial_journey (patient_id) VALUES ({NOBODY})",
            "fk_clinical_trial_journey_patient_id",
        ),
        (EAP.format("status", "'dreaming'"), "ck_eap_journey_status_known"),
        (
            EAP.format("enrollment_date, completion_date", "'2026-02-02', '2026-02-01'"),
            "ck_eap_journey_completed_after_enrolled",
        ),
        (EAP.format("physician_id", NOBODY), "fk_eap_journey_physician_id"),
        (EAP.format("eap_program_id", NOBODY), "fk_eap_journey_eap_program_id"),
        (EAP.format("medical_condition_id", NOBODY), "fk_eap_journey_medical_condition_id"),
        (
            EAP.replace(":patient", NOBODY).format("product", "'A'"),
            "fk_eap_journey_patient_id",
        ),
        (
            f"{EAP.format('product', 'NULL')}, (:patient, 'eap 0', '', 'EAP0', NULL)",
            "uq_eap_journey_keys",
        ),
    ],
)
async def test_row_that_breaks_a_rule_is_refused(session: AsyncSession, statement: str, constraint: str) -> None:
    patient = await a_patient(session)

    with pytest.raises(IntegrityError) as refused:
        await session.execute(text(statement), {"patient": patient.patient_id} if ":patient" in statement else {})

    assert constraint_name(refused.value) == constraint


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("'horoscope', 'pending', NULL, NULL", "ck_eap_gate_gate_known"),
        ("'ethics', 'dreaming', NULL, NULL", "ck_eap_gate_status_known"),
        ("'ethics', 'approved', '2026-02-02', '2026-02-01'", "ck_eap_gate_expires_after_decided"),
        ("'contract', 'pending', NULL, NULL", "uq_eap_gate_eap_journey_id_gate"),
    ],
)
async def test_gate_that_breaks_a_rule_is_refused(session: AsyncSession, values: str, constraint: str) -> None:
    journey = await an_eap_journey(
        session, await a_patient(session), eap_program_id=(await a_programme(session)).eap_program_id
    )
    insert = "INSERT INTO eap_gate (eap_journey_id, gate, status, decided_on, expires_on) VALUES (:journey, {})"
    bound = {"journey": journey.eap_journey_id}
    await session.execute(text(insert.format("'contract', 'pending', NULL, NULL")), bound)

    with pytest.raises(IntegrityError) as refused:
        await session.execute(text(insert.format(values)), bound)

    assert constraint_name(refused.value) == constraint


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journey_event SET to_status = 'completed'",
        "DELETE FROM journey_event",
        "TRUNCATE journey_event",
    ],
)
async def test_event_of_a_move_stays_as_it_is(session: AsyncSession, statement: str) -> None:
    journey = await a_trial_journey(
        session, await a_patient(session), clinical_trial_id=(await a_trial(session)).clinical_trial_id
    )
    await session.execute(
        text(
            "INSERT INTO journey_event (ct_journey_id, to_status, happened_at) VALUES (:journey, 'identified', now())"
        ),
        {"journey": journey.ct_journey_id},
    )

    with pytest.raises(DBAPIError, match="permission denied for table journey_event"):
        await session.execute(text(statement))


async def test_event_is_of_exactly_one_record(session: AsyncSession) -> None:
    with pytest.raises(IntegrityError) as refused:
        await session.execute(text("INSERT INTO journey_event (to_status, happened_at) VALUES ('new', now())"))

    assert constraint_name(refused.value) == "ck_journey_event_of_one_record"
