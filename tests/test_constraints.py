"""
The database keeps its rules itself: each check, each key and each reference of every table is broken once, by its name.

The tables of calls, leads and journeys have this in their own folders, where a rule needs a certain state.
"""

import re
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Table, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from app.main import CONSTRAINT_ERRORS
from app.models import metadata
from app.platform.db import Rows, constraint_name
from app.platform.errors import AppError
from tests.canaries import a_world

ELSEWHERE: Final = {
    "call_history", "clinical_trial", "clinical_trial_journey", "document", "document_key", "document_version",
    "eap_gate", "eap_journey", "eap_program",
    "journey_event", "note", "notification", "notification_choice", "patient_lead", "stage_norm", "task",
}  # fmt: skip
FIRST, LAST = UUID(int=1), UUID(int=2**128 - 1)
"""Nobody's ids; one is before, one behind every other."""

# Rows of the tables that the world of canaries leaves empty; :account is its account.
ROWS: Final = {
    "account_preference": "(user_account_id) VALUES (:account)",
    "api_key": "(user_account_id, name, prefix, secret_sha256) VALUES (:account, 'x', 'crm_1', sha256('1'))",
    "calendar_feed": "(user_account_id, token_sha256) VALUES (:account, sha256('1'))",
    "held_form": "(user_account_id, path, fields, expires_at) VALUES (:account, '/', '{}', now())",
    "idempotency_key": "(owner_id, key, request_hash) VALUES (:account, 'k', '')",
    "known_device": "(user_account_id, reference_sha256, last_used_at) VALUES (:account, sha256('1'), now())",
    "one_time_link": "(user_account_id, purpose, token_sha256, expires_at)"
    " VALUES (:account, 'reset', sha256('1'), now())",
    "outside_identity": "(user_account_id, issuer, subject) VALUES (:account, 'i', 's')",
    "outside_sign_in": "(state_sha256, holder_sha256, nonce, code_verifier, next_path, expires_at)"
    " VALUES ('1', '1', 'n', 'v', '/', now())",
    "passkey": "(user_account_id, credential_id, public_key, sign_count, name) VALUES (:account, '1', '1', 0, 'x')",
    "passkey_challenge": "(holder_sha256, ceremony, challenge, expires_at) VALUES ('1', 'enrol', '1', now())",
    "password_credential": "(user_account_id, hash, changed_at) VALUES (:account, 'h', now())",
    "recovery_code": "(user_account_id, code_sha256) VALUES (:account, sha256('1'))",
    "role_grant": "(user_account_id, role) VALUES (:account, 'liaison')",
    "saved_view": "(user_account_id, list_name, name, filters) VALUES (:account, 'leads', 'x', '{}')",
    "saved_view_choice": "(user_account_id, saved_view_id, list_name, is_default)"
    " SELECT user_account_id, saved_view_id, list_name, true FROM saved_view",
    "totp_credential": "(user_account_id, secret_encrypted, last_step) VALUES (:account, '1', 0)",
    "working_week": "(user_account_id) VALUES (:account)",
    "working_span": "(user_account_id, weekday, from_minute, until_minute) VALUES (:account, 1, 540, 720)",
    "web_session": "(user_account_id, reference_sha256, stage, signed_in_at, last_seen_at, proved_at, browser, source)"
    " VALUES (:account, sha256('1'), 'open', now(), now(), now(), 'b', 's')",
}

CHECKS: Final = {
    "ck_absence_dates_in_order": "UPDATE absence SET ends_at = starts_at",
    "ck_absence_kind_known": "UPDATE absence SET kind = 'flu'",
    "ck_working_span_weekday_known": "UPDATE working_span SET weekday = 8",
    "ck_working_span_within_a_day": "UPDATE working_span SET until_minute = 1441",
    "ck_access_opening_ends_after_it_begins": "UPDATE access_opening SET expires_at = created_at - interval '1 s'",
    "ck_access_opening_kind_known": "UPDATE access_opening SET kind = 'curiosity'",
    "ck_access_opening_nobody_reviews_their_own": "UPDATE access_opening SET reviewed_at = now(),"
    " reviewed_by = user_account_id, verdict = 'justified'",
    "ck_access_opening_reason_not_blank": "UPDATE access_opening SET reason = ' '",
    "ck_access_opening_reviewed_whole": "UPDATE access_opening SET reviewed_at = now(), reviewed_by = NULL",
    "ck_access_opening_verdict_known": "UPDATE access_opening SET reviewed_at = now(), verdict = 'fine',"
    " reviewed_by = (SELECT user_account_id FROM user_account WHERE display_name = 'Another')",
    "ck_account_preference_density_known": "UPDATE account_preference SET density = 'cosy'",
    "ck_account_preference_landing_place_known": "UPDATE account_preference SET landing_place = 'moon'",
    "ck_account_preference_language_known": "UPDATE account_preference SET language = 'xx'",
    "ck_draft_kind_known": "UPDATE draft SET kind = 'joke'",
    "ck_api_key_secret_is_sha256": "UPDATE api_key SET secret_sha256 = 'short'",
    "ck_audit_event_outcome_known": "INSERT INTO audit_event (action, outcome) VALUES ('x', 'perhaps')",
    "ck_came_back_closed_with_a_reason": "UPDATE came_back SET close_reason = NULL",
    "ck_came_back_kind_known": "UPDATE came_back SET kind = 'bored'",
    "ck_condition_code_map_type_known": "UPDATE condition_code SET map_type = 'roughly'",
    "ck_condition_synonym_name_not_blank": "UPDATE condition_synonym SET name = ' '",
    "ck_contact_point_kind_known": "UPDATE contact_point SET kind = 'pigeon'",
    "ck_contact_point_was_known": "UPDATE contact_point SET was = 'old'",
    "ck_contact_point_value_not_blank": "UPDATE contact_point SET value = ' '",
    "ck_duplicate_candidate_decided_when_not_open": "UPDATE duplicate_candidate SET decision = 'same_person'",
    "ck_duplicate_candidate_decision_known": "UPDATE duplicate_candidate SET decision = 'perhaps', decided_at = now()",
    "ck_duplicate_candidate_pair_in_order": "UPDATE duplicate_candidate SET other_person_id = person_id",
    "ck_export_request_decided_whole": "UPDATE export_request SET decision = 'refused', decided_at = now()",
    "ck_export_request_decision_known": "UPDATE export_request SET decision = 'perhaps', decided_at = now(),"
    " decided_by = export_request_id",
    "ck_export_request_nobody_decides_their_own": "UPDATE export_request SET decision = 'approved',"
    " decided_at = now(), decided_by = requested_by",
    "ck_export_request_reason_not_blank": "UPDATE export_request SET reason = ' '",
    "ck_hospital_country_iso": "UPDATE hospital SET country = 'nl'",
    "ck_hospital_name_not_blank": "UPDATE hospital SET name = ' '",
    "ck_intake_submission_source_known": "INSERT INTO intake_submission (source, payload, person_id, match_outcome)"
    " SELECT 'rumour', '{}', person_id, 'new_person' FROM person LIMIT 1",
    "ck_list_export_reason_not_blank": "INSERT INTO list_export (list_path, columns, format, row_count, reason)"
    " VALUES ('/leads', '{}', 'csv', 0, ' ')",
    "ck_medical_condition_name_not_blank": "UPDATE medical_condition SET name = ' '",
    "ck_one_time_link_purpose_known": "UPDATE one_time_link SET purpose = 'fun'",
    "ck_passkey_challenge_ceremony_known": "UPDATE passkey_challenge SET ceremony = 'tea'",
    "ck_patient_deleted_by_somebody": "UPDATE patient SET deleted_at = now(), deleted_by = NULL",
    "ck_patient_physician_relationship_dates_in_order": "UPDATE patient_physician_relationship"
    " SET is_primary = false, start_date = '2026-02-02', end_date = '2026-02-01'",
    "ck_patient_physician_relationship_primary_is_current": "UPDATE patient_physician_relationship"
    " SET is_primary = true, start_date = NULL, end_date = '2026-02-01'",
    "ck_patient_physician_relationship_type_known": "UPDATE patient_physician_relationship"
    " SET relationship_type = 'friend'",
    "ck_patient_status_known": "UPDATE patient SET status = 'lost'",
    "ck_person_country_iso": "UPDATE person SET country = 'nl'",
    "ck_person_date_of_birth_begins_period": "UPDATE person SET date_of_birth = '1967-03-14',"
    " date_of_birth_precision = 'month'",
    "ck_person_date_of_birth_precision_known": "UPDATE person SET date_of_birth_precision = 'week'",
    "ck_person_departure_death_has_a_source": "UPDATE person_departure SET kind = 'deceased', source = NULL",
    "ck_person_departure_end_known": "UPDATE person_departure SET ended_how = 'bored'",
    "ck_person_departure_ended_whole": "UPDATE person_departure SET ended_how = NULL",
    "ck_person_departure_kind_known": "UPDATE person_departure SET kind = 'bored'",
    "ck_person_departure_withdrawal_has_a_reason": "UPDATE person_departure SET reason = NULL",
    "ck_person_email_has_key": "UPDATE person SET email = 'a@example.org', email_key = NULL",
    "ck_person_first_name_not_blank": "UPDATE person SET first_name = ' '",
    "ck_person_gender_known": "UPDATE person SET gender = 'x'",
    "ck_person_last_name_not_blank": "UPDATE person SET last_name = ' '",
    "ck_person_relationship_authority_known": "UPDATE person_relationship SET authority = 'moral'",
    "ck_person_relationship_dates_in_order": "UPDATE person_relationship"
    " SET start_date = '2026-02-02', end_date = '2026-02-01'",
    "ck_person_relationship_not_of_oneself": "UPDATE person_relationship SET related_person_id = person_id",
    "ck_person_relationship_type_known": "UPDATE person_relationship SET relationship_type = 'neighbour'",
    "ck_role_grant_role_known": "UPDATE role_grant SET role = 'king'",
    "ck_saved_view_list_name_known": "UPDATE saved_view SET list_name = 'wishes'",
    "ck_saved_view_name_not_blank": "UPDATE saved_view SET name = ' '",
    "ck_sign_in_attempt_purpose_known": "INSERT INTO sign_in_attempt"
    " (at, purpose, account_sha256, source, known_device) VALUES (now(), 'guess', sha256('1'), 's', false)",
    "ck_specialization_name_not_blank": "UPDATE specialization SET name = ' '",
    "ck_suggested_change_decided_when_not_open": "UPDATE suggested_change SET decision = 'accepted', decided_at = NULL",
    "ck_suggested_change_decision_known": "UPDATE suggested_change SET decision = 'perhaps', decided_at = now()",
    "ck_user_account_display_name_not_blank": "UPDATE user_account SET display_name = ' '",
    "ck_user_account_kind_known": "UPDATE user_account SET kind = 'robot'",
    "ck_web_session_end_reason_known": "UPDATE web_session SET ended_at = now(), end_reason = 'bored'",
    "ck_web_session_ended_for_a_reason": "UPDATE web_session SET ended_at = now()",
    "ck_web_session_reference_is_sha256": "UPDATE web_session SET reference_sha256 = 'short'",
    "ck_web_session_stage_known": "UPDATE web_session SET stage = 'door'",
}

BY_OUR_CLOCK: Final = {"ck_access_opening_ends_after_it_begins"}
"""Rules of order that nothing which is sent can break."""

# The generated column `period` refuses a time that ends before it begins, and does so first.
REFUSED_EARLIER: Final = {"ck_person_contact_type_period_in_order"}

# Statements for rules that the general one does not reach, because it would break another first.
REFERENCE_STATEMENTS: Final = {
    "fk_list_export_export_request_id": "INSERT INTO list_export (list_path, columns, format, reason,"
    f" export_request_id) VALUES ('/leads', '{{}}', 'csv', 'x', '{LAST}')",
    "fk_working_week_user_account_id": f"INSERT INTO working_week (user_account_id) VALUES ('{LAST}')",
    "fk_access_opening_reviewed_by": "UPDATE access_opening SET reviewed_at = now(), verdict = 'justified',"
    f" reviewed_by = '{LAST}'",
    "fk_patient_person_id": "INSERT INTO patient (person_id, medical_condition_id, first_contact_date)"
    f" SELECT '{LAST}', medical_condition_id, first_contact_date FROM patient",
}
KEY_STATEMENTS: Final = {
    # Two that have ended: of those that live there is one for an account.
    "uq_calendar_feed_token_sha256": "INSERT INTO calendar_feed (user_account_id, token_sha256, ended_at)"
    " SELECT user_account_id, token_sha256, now() FROM calendar_feed",
    "uq_saved_view_choice_default": "WITH made AS (INSERT INTO saved_view (user_account_id, list_name, name, filters)"
    " SELECT user_account_id, list_name, 'y', '{}' FROM saved_view WHERE name = 'x' RETURNING *)"
    " INSERT INTO saved_view_choice (user_account_id, saved_view_id, list_name, is_default)"
    " SELECT user_account_id, saved_view_id, list_name, true FROM made",
    "uq_person_departure_current": "INSERT INTO person_departure (person_id, kind, departed_on, reason)"
    " SELECT person_id, 'withdrawn', current_date, 'x' FROM person_departure, generate_series(1, 2)",
    "uq_patient_physician_relationship_primary": "INSERT INTO patient_physician_relationship"
    " (patient_id, physician_id, relationship_type, is_primary)"
    " SELECT patient_id, physician_id, unnest(ARRAY['other', 'specialist']), true FROM patient_physician_relationship",
    "uq_user_account_email_key": "INSERT INTO user_account (kind, display_name, email, email_key)"
    " VALUES ('human', 'One', 'a@example.org', 'a@example.org'), ('human', 'Two', 'a@example.org', 'a@example.org')",
    "uq_user_account_person_id": "INSERT INTO user_account (kind, display_name, person_id)"
    " SELECT 'service', unnest(ARRAY['One', 'Two']), min(person_id::text)::uuid FROM person",
}


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in ELSEWHERE]


def _columns(table: Table, name: str) -> list[str]:
    for constraint in table.constraints:
        if constraint.name == name and isinstance(constraint, ColumnCollectionConstraint):
            return [column.name for column in constraint.columns]
    index = next(index for index in table.indexes if index.name == name)
    return [column.name for column in index.columns]


def _keys() -> dict[str, Table]:
    """Unique keys, unique indexes and exclusions by name; those with the primary key in them can't be broken alone."""
    found: dict[str, Table] = {}
    for table in _tables():
        primary = {column.name for column in table.primary_key}
        for constraint in table.constraints:
            if isinstance(constraint, (CheckConstraint, ForeignKeyConstraint)) or constraint is table.primary_key:
                continue
            if not primary <= set(_columns(table, str(constraint.name))):
                found[str(constraint.name)] = table
        found |= {str(index.name): table for index in table.indexes if index.unique}
    return found


def _references() -> dict[str, tuple[Table, str]]:
    return {
        str(reference.name): (table, reference.column_keys[0])
        for table in _tables()
        for reference in table.foreign_key_constraints
    }


KEYS, REFERENCES = _keys(), _references()


@pytest.fixture
async def world(session: AsyncSession) -> AsyncSession:
    """The session, with a row in every table of `_tables`."""
    await a_world(session)
    await session.execute(text("INSERT INTO user_account (kind, display_name) VALUES ('service', 'Another')"))
    for table, values in ROWS.items():
        statement = text(f"INSERT INTO {table} {values}")
        account = await session.scalar(text("SELECT min(user_account_id::text)::uuid FROM user_account"))
        await session.execute(statement, {"account": account} if ":account" in values else {})
    return session


async def _broken(session: AsyncSession, statement: str) -> str | None:
    with pytest.raises(IntegrityError) as refused:
        await session.execute(text(statement))
    return constraint_name(refused.value)


@pytest.mark.parametrize("name", CHECKS)
async def test_check_is_kept(world: AsyncSession, name: str) -> None:
    assert await _broken(world, CHECKS[name]) == name


@pytest.mark.parametrize("name", sorted(REFERENCES))
async def test_reference_is_kept(world: AsyncSession, name: str) -> None:
    table, column = REFERENCES[name]
    if name in REFERENCE_STATEMENTS:
        assert await _broken(world, REFERENCE_STATEMENTS[name]) == name
        return
    nobody = FIRST if column == "person_id" else LAST
    if table.info["rows"] is Rows.INSERT_ONLY:
        others = ", ".join(c.name for c in table.c if c.name != column and not c.primary_key and c.computed is None)
        statement = f"INSERT INTO {table.name} ({column}, {others}) SELECT '{nobody}', {others} FROM {table.name}"
    else:
        one = f"ctid = (SELECT min(ctid) FROM {table.name})"
        statement = f"UPDATE {table.name} SET {column} = '{nobody}' WHERE {one}"
    assert await _broken(world, statement) == name


@pytest.mark.parametrize("name", sorted(KEYS))
async def test_key_is_kept(world: AsyncSession, name: str) -> None:
    """A second row with everything of the first but its primary key, and another value for every other key."""
    if name in KEY_STATEMENTS:
        assert await _broken(world, KEY_STATEMENTS[name]) == name
        return
    table = KEYS[name]
    of_this = set(_columns(table, name))
    changed = {
        column
        for other, its_table in KEYS.items()
        if its_table is table and other != name
        for column in _columns(table, other)
        if column not in of_this
    }
    copied = [c for c in table.c if not c.primary_key and c.computed is None and not c.identity]
    values = [f"{c.name} || 'x'" if c.name in changed else c.name for c in copied]
    names = ", ".join(c.name for c in copied)
    statement = f"INSERT INTO {table.name} ({names}) SELECT {', '.join(values)} FROM {table.name}"
    assert await _broken(world, statement) == name


def test_no_rule_is_left_out() -> None:
    checks = {
        str(constraint.name)
        for table in _tables()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert checks - REFUSED_EARLIER == set(CHECKS)
    assert set(REFERENCE_STATEMENTS) <= set(REFERENCES)
    assert set(KEY_STATEMENTS) <= set(KEYS)
    assert {table.name for table in _tables()} >= set(ROWS)


def test_dates_in_the_wrong_order_have_one_code() -> None:
    # One code for one fault: a reader of codes need not know which table refused.
    found = {}
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            if not isinstance(constraint, CheckConstraint):
                continue
            pair = re.fullmatch(r"(\w+) >= (\w+)", str(constraint.sqltext))
            named = str(constraint.name)
            if pair is not None and pair[2] in table.c and named not in BY_OUR_CLOCK:
                assert named in CONSTRAINT_ERRORS, f"{named} has no code"
                error = CONSTRAINT_ERRORS[named]()
                assert isinstance(error, AppError)
                found[named] = [field.code for field in error.fields]
    assert len(found) > 4
    assert {code for codes in found.values() for code in codes} == {"dates_not_in_order"}, found
