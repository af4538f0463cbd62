"""
The fast paths of patients: get, list, create. Each is one statement; what is not plain goes the ordinary path (api.py).

The columns and the documents are those of the schemas; tests hold them to the bytes of the ordinary path.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    ARRAY,
    Date,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, array

from app.access.fast_paths import FastRequest, audit_row, batch_of, constant, credentials, json_answer
from app.access.models import UserAccount
from app.access.queries import does_work
from app.conditions.models import MedicalCondition
from app.conditions.schemas import ConditionSummary
from app.patients.models import Patient
from app.patients.rules import dates_that_cannot_be, first_status
from app.patients.schemas import PatientCreate, PatientFilter, PatientRead, status_group
from app.patients.service import NEW, OWNERS_WORK
from app.patients.states import PATIENT
from app.people import records
from app.people import service as people
from app.people.alike import probe
from app.people.matching import FurtherReason
from app.people.models import ContactType, IntakeSubmission, Person, PersonContactType
from app.people.names import name_of
from app.people.references import new_reference
from app.people.schemas import MatchRead, PersonRead
from app.people.search import rows as search
from app.people.search.models import PersonSearch, SearchWord
from app.platform import clock
from app.platform.answers import ShownColumns
from app.platform.errors import AppError, Invalid
from app.platform.etags import etag
from app.platform.fast_path import Row, Statement
from app.platform.paging import COUNT_CAP, PAGE_SIZES, decode_cursor, encode_cursor
from app.platform.plausibility import Life
from app.platform.stored_fields import parameters, prefixed

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII)

_FILTERS = {"status", "medical_condition_id", "owner_id", "limit", "cursor"}
_NEW_PATIENT = TypeAdapter(PatientCreate)

_PATIENT = ShownColumns(PatientRead, Patient, made=("person", "medical_condition", "status_group", "deleted_at"))
_PERSON = ShownColumns(PersonRead, Person, made=("person_id",), prefix="person_")
_CONDITION = ShownColumns(ConditionSummary, MedicalCondition, made=("medical_condition_id",), prefix="condition_")
_NEW_PERSON_MATCH = MatchRead(
    outcome="new_person",
    reasons=[FurtherReason.EMAIL_UNKNOWN],
    suggested_changes=[],
    probable_duplicates=[],
    reactivated=False,
).model_dump()


def _document(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    """PatientRead of a row; patients shown here are never deleted."""
    document = _PATIENT.document(row)
    document["person"] = person = _PERSON.document(row)
    person["person_id"] = row["person_id"]
    document["medical_condition"] = condition = _CONDITION.document(row)
    condition["medical_condition_id"] = row["medical_condition_id"]
    document["status_group"] = status_group(row["status"])
    return document


def _get_statement() -> Statement:
    """Of several at once: an audited read costs PostgreSQL a commit, which they share."""
    caller = credentials("patient.read", batch_of(patient_id=Uuid()))
    doc = (
        select(caller.c.nr, *_PATIENT.columns, *_PERSON.columns, *_CONDITION.columns)
        .select_from(caller)
        .join(Patient, Patient.patient_id == caller.c.patient_id)
        .join(Person, Patient.person_id == Person.person_id)
        .join(MedicalCondition, Patient.medical_condition_id == MedicalCondition.medical_condition_id)
        .where(Patient.deleted_at.is_(None))
        .cte("doc")
    )
    event = audit_row(
        caller,
        doc,
        action="get_patient",
        record_type="patient",
        record_id=doc.c.patient_id,
        person_ids=array([doc.c.person_id]),
    )
    return Statement(select(doc).add_cte(event))


GET_PATIENT = _get_statement()


async def get_patient(fast: FastRequest) -> Response | None:
    patient_id = fast.request.path_params["patient_id"]
    if fast.request.scope["query_string"] or not _ID.match(patient_id):
        return None
    row = await fast.statements.shared(GET_PATIENT, {**fast.values, "patient_id": UUID(patient_id)})
    if row is None:
        return None
    return json_answer(_document(row), headers={"etag": etag(row["version"], row["person_version"])})


@cache
def list_statement(*, states: int, by_condition: bool, by_owner: bool, is_first: bool, size: int) -> Statement:
    """
    The page for one combination of filters, of up to `size` patients.

    `states` is how many states the filter names, 0 without one; each is read by itself in the order of its index, and
    the beginnings are merged. The size stands in the text: a parameter would be planned for a tenth of the table.
    """
    caller = credentials("patient.read")

    def filtered(*columns: Any, state: str | None) -> Select[Any]:
        found = select(*columns).where(Patient.deleted_at.is_(None))
        if state is not None:
            found = found.where(Patient.status == bindparam(state))
        if by_condition:
            found = found.where(Patient.medical_condition_id == bindparam("medical_condition_id"))
        if by_owner:
            found = found.where(Patient.owner_id == bindparam("owner_id"))
        return found

    names: list[str | None] = [f"status_{number}" for number in range(states)] or [None]
    # One row more than is shown tells whether there is a next page.
    one_more, most = literal_column(str(size + 1), Integer), literal_column(str(COUNT_CAP + 1), Integer)
    by_page = (Patient.created_at.desc(), Patient.patient_id.desc())
    cuts = []
    for name in names:
        cut = filtered(*_PATIENT.columns, state=name).where(select(caller.c.actor_id).exists())
        if not is_first:
            last = tuple_(bindparam("last_at", type_=Patient.created_at.type), bindparam("last_id", type_=Uuid()))
            cut = cut.where(tuple_(Patient.created_at, Patient.patient_id) < last)
        cuts.append(cut.order_by(*by_page).limit(one_more))
    if len(cuts) == 1:
        page = cuts[0].cte("page")
    else:
        merged = union_all(*cuts).subquery("merged")
        page = (
            select(merged).order_by(merged.c.created_at.desc(), merged.c.patient_id.desc()).limit(one_more).cte("page")
        )
    newest_first = (page.c.created_at.desc(), page.c.patient_id.desc())
    shown = select(page.c.person_id).order_by(*newest_first).limit(bindparam("limit", type_=Integer)).subquery("shown")
    person_ids = func.array_agg(aggregate_order_by(shown.c.person_id, shown.c.person_id))
    somebody = select(person_ids.label("person_ids")).having(func.count() > literal_column("0")).subquery("somebody")
    event = audit_row(caller, somebody, action="list_patients", record_type="patient", person_ids=somebody.c.person_ids)
    # In the page's order, so that the page's index is used (paging.fetch_page).
    counts = [filtered(Patient.patient_id, state=name).order_by(*by_page).limit(most) for name in names]
    counted = (counts[0] if len(counts) == 1 else select(union_all(*counts).subquery()).limit(most)).subquery("counted")
    return Statement(
        select(
            page,
            *_PERSON.columns,
            *_CONDITION.columns,
            select(func.count()).select_from(counted).scalar_subquery().label("total"),
        )
        .join(Person, page.c.person_id == Person.person_id)
        .join(MedicalCondition, page.c.medical_condition_id == MedicalCondition.medical_condition_id)
        .order_by(*newest_first)
        .add_cte(event)
    )


def page_of(query: PatientFilter, after: tuple[datetime, UUID] | None) -> tuple[Statement, dict[str, Any]]:
    """The statement for a filter and its own parameters; `after` is the last patient of the page before."""
    states = PATIENT.states_of_filter(query.status) if query.status else ()
    statement = list_statement(
        states=len(states),
        by_condition=query.medical_condition_id is not None,
        by_owner=query.owner_id is not None,
        is_first=after is None,
        size=next(size for size in PAGE_SIZES if query.limit <= size),
    )
    last_at, last_id = after or (None, None)
    return statement, {
        **{f"status_{number}": state for number, state in enumerate(states)},
        "medical_condition_id": query.medical_condition_id,
        "owner_id": query.owner_id,
        "limit": query.limit,
        "last_at": last_at,
        "last_id": last_id,
    }


async def list_patients(fast: FastRequest) -> Response | None:
    query = _filter(fast.request.query_params.multi_items())
    if query is None:
        return None
    after = None
    if query.cursor is not None:
        try:
            last_at, last_id = decode_cursor(query.cursor, query.fingerprint(), (datetime, UUID))
        except Invalid:
            return None
        after = (last_at, last_id)
    statement, values = page_of(query, after)
    rows = await fast.statements.all(statement, {**fast.values, **values})
    if not rows:
        return None
    total, shown = rows[0]["total"], rows[: query.limit]
    next_cursor = None
    if len(rows) > query.limit:
        last = shown[-1]
        next_cursor = encode_cursor(query.fingerprint(), (last["created_at"], last["patient_id"]))
    return json_answer(
        {
            "items": [_document(row) for row in shown],
            "next_cursor": next_cursor,
            "total": min(total, COUNT_CAP),
            "total_is_capped": total > COUNT_CAP,
            "search": None,
        }
    )


def _filter(given: list[tuple[str, str]]) -> PatientFilter | None:
    """The filter where every field is one that the statements know and is given once; None otherwise."""
    fields = dict(given)
    if len(fields) != len(given) or not fields.keys() <= _FILTERS:
        return None
    try:
        return PatientFilter.model_validate(fields)
    except ValidationError:
        return None


def _create_statement() -> Statement:
    """
    A person nobody knows by e-mail, phone, or name and birth date, and their patient record.

    Its rows are those of people.service.identify_or_create and patients.service.open_patient. The locks are theirs
    too, but only tried: anyone who would have to wait goes the ordinary path, and so does who breaks a constraint.
    """
    caller = credentials("patient.create", changes=True)
    person_values = parameters(Person, (*records.COLUMNS, "reference"), prefix="person_")
    sent = parameters(Patient, (*NEW.names, "status"))
    unknown = func.is_unknown_person(
        person_values["email_key"],
        person_values["phone_e164"],
        bindparam("alike_keys", type_=ARRAY(Text)),
        bindparam("alike_birth_dates", type_=ARRAY(Date)),
    )
    free = (
        select(caller.c.actor_id, *_CONDITION.columns)
        .join(MedicalCondition, MedicalCondition.medical_condition_id == sent["medical_condition_id"])
        .where(
            unknown,
            MedicalCondition.is_active,
            or_(
                sent["owner_id"].is_(None),
                does_work(OWNERS_WORK, UserAccount.user_account_id == sent["owner_id"]),
            ),
        )
        .cte("free")
    )
    person = (
        insert(Person)
        .from_select([*person_values, "updated_by"], select(*person_values.values(), free.c.actor_id))
        .returning(
            Person.person_id,
            Person.updated_by.label("actor_id"),
            *_PERSON.without([value.key for value in person_values.values()]),
        )
        .cte("new_person")
    )
    submitted = {
        **parameters(IntakeSubmission, people.SUBMITTED.names, prefix="submission_"),
        "payload": cast(bindparam("payload", type_=Text), JSONB),
        "language": person_values["language"],
        "received_by": person.c.actor_id,
        "person_id": person.c.person_id,
        "match_outcome": constant("new_person"),
        "match_reasons": array([constant("email_unknown")]),
    }
    submission = (
        insert(IntakeSubmission)
        .from_select(list(submitted), select(*submitted.values()).select_from(person))
        .returning(IntakeSubmission.intake_submission_id)
        .cte("submission")
    )
    opened = {
        "person_id": person.c.person_id,
        **sent,
        "updated_by": person.c.actor_id,
    }
    patient = (
        insert(Patient)
        .from_select(list(opened), select(*opened.values()).select_from(person))
        .returning(*_PATIENT.without(sent))
        .cte("new_patient")
    )
    role = {
        "person_id": person.c.person_id,
        "contact_type_id": ContactType.contact_type_id,
        "valid_from": bindparam("now", type_=PersonContactType.__table__.c.valid_from.type),
        "updated_by": person.c.actor_id,
    }
    given = (
        insert(PersonContactType)
        .from_select(
            list(role),
            select(*role.values())
            .select_from(person)
            .join(ContactType, ContactType.type_name == constant(people.PATIENT_ROLE)),
        )
        .cte("new_role")
    )
    words = bindparam("search_words", type_=Text)
    found_by = {
        "person_id": person.c.person_id,
        "is_active": true(),
        "date_of_birth": person_values["date_of_birth"],
        "words": words,
        "marks": func.search_marks_of_person(person_values["country"], person_values["email_key"]).op("||")(
            func.search_marks_of_patient(sent["status"], sent["medical_condition_id"], sent["owner_id"])
        ),
        "folding": bindparam("search_folding", type_=PersonSearch.__table__.c.folding.type),
    }
    searched = (
        insert(PersonSearch).from_select(list(found_by), select(*found_by.values()).select_from(person)).cte("searched")
    )
    written = (
        func.unnest(bindparam("search_written", type_=ARRAY(Text))).table_valued("word").render_derived(name="written")
    )
    is_known = select(SearchWord.word).where(SearchWord.word == written.c.word).exists()
    new_words = (
        insert(SearchWord)
        .from_select(["word"], select(written.c.word).select_from(person.join(written, true())).where(~is_known))
        .cte("new_words")
    )
    event = audit_row(
        caller,
        patient,
        action="create_patient",
        record_type="patient",
        record_id=patient.c.patient_id,
        person_ids=array([patient.c.person_id]),
        field_names=bindparam("field_names", type_=ARRAY(Text)),
    )
    everything = person.join(patient, true()).join(submission, true()).join(free, true())
    columns = [column for column in person.c if column.name not in {"person_id", "actor_id"}]
    columns += [free.c[column.name] for column in _CONDITION.columns]
    return Statement(
        select(*patient.c, *columns, *submission.c).select_from(everything).add_cte(given, searched, new_words, event)
    )


CREATE_PATIENT = _create_statement()


def values_of(new: PatientCreate, *, status: str, payload: str) -> dict[str, Any]:
    """The parameters of CREATE_PATIENT beside those of every fast statement."""
    alike = probe(name_of(new.person.first_name, new.person.last_name), new.person.date_of_birth)
    person = records.NEW.values(new.person)
    return {
        **prefixed("person_", records.new_row(person)),
        "person_reference": new_reference("P"),
        **prefixed("search_", search.columns_of(person)),
        **prefixed("submission_", people.SUBMITTED.values(new)),
        **NEW.values(new),
        "status": status,
        "payload": payload,
        "now": clock.now(),
        "field_names": sorted({*new.person.model_fields_set, "roles"}),
        "alike_keys": list(alike.keys),
        "alike_birth_dates": list(alike.birth_dates),
    }


async def create_patient(fast: FastRequest) -> Response | None:
    body = await fast.request.json()
    if not isinstance(body, dict) or "person_id" in body:
        return None
    try:
        new = _NEW_PATIENT.validate_python(body)
        status = first_status(new.status, reason=new.status_reason)
    except (ValidationError, AppError):
        return None
    if dates_that_cannot_be(new, Life(born=new.person.date_of_birth, time_zone=new.person.time_zone)):
        return None
    # As it came: JSON text, which the request guard has read.
    values = values_of(new, status=status, payload=(await fast.request.body()).decode())
    if values["person_email_key"] is None or new.shared_email:
        return None
    row = await fast.statements.one(CREATE_PATIENT, {**fast.values, **values})
    if row is None:
        return None
    # What was sent stands in the row as it was sent; the statement gives the rest.
    document = _document({**values, **dict(row)})
    document["intake_submission_id"] = row["intake_submission_id"]
    document["match"] = _NEW_PERSON_MATCH
    headers = {
        "etag": etag(row["version"], row["person_version"]),
        "location": f"/api/v1/patients/{document['patient_id']}",
    }
    return json_answer(document, status=201, headers=headers)
