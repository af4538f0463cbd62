"""
The hot roads of patients: get, list, create. Each is one statement; what is not plain goes the ordinary road (api.py).

The documents are written out as literals, since that is what costs least; tests hold them to the response models and
to the bytes of the ordinary road.
"""

import re
from functools import cache
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import ValidationError
from sqlalchemy import Select, bindparam, func, literal_column, select, true, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by, array

from app.access.hot_roads import Asked, json_answer, seen, who
from app.conditions.models import MedicalCondition
from app.patients.models import Patient
from app.patients.schemas import PatientFilter, status_group
from app.patients.states import PATIENT
from app.people.models import Person
from app.platform.errors import Invalid
from app.platform.etags import etag
from app.platform.hot import Row, Statement
from app.platform.paging import COUNT_CAP, decode_cursor, encode_cursor

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII)

_PATIENT = (
    Patient.patient_id,
    Patient.person_id,
    Patient.medical_condition_id,
    Patient.first_contact_date,
    Patient.initial_consult_date,
    Patient.status,
    Patient.status_reason,
    Patient.owner_id,
    Patient.created_at,
    Patient.updated_at,
    Patient.version,
)
_PERSON = (
    Person.first_name,
    Person.last_name,
    Person.middle_name,
    Person.preferred_name,
    Person.email,
    Person.phone,
    Person.phone_e164,
    Person.phone_valid,
    Person.date_of_birth,
    Person.gender,
    Person.country,
    Person.language,
    Person.time_zone,
    Person.do_not_contact_channels,
    Person.is_active,
    Person.created_at.label("person_created_at"),
    Person.updated_at.label("person_updated_at"),
    Person.version.label("person_version"),
)
_CONDITION = (MedicalCondition.name.label("condition_name"), MedicalCondition.abbreviation)


def _document(row: Row) -> dict[str, Any]:
    """PatientRead of a row; patients shown here are never deleted."""
    person_id, condition_id, owner_id = str(row["person_id"]), str(row["medical_condition_id"]), row["owner_id"]
    return {
        "patient_id": str(row["patient_id"]),
        "person_id": person_id,
        "person": {
            "person_id": person_id,
            "first_name": row["first_name"],
            "last_name": row["last_name"],
            "middle_name": row["middle_name"],
            "preferred_name": row["preferred_name"],
            "email": row["email"],
            "phone": row["phone"],
            "phone_e164": row["phone_e164"],
            "phone_valid": row["phone_valid"],
            "date_of_birth": row["date_of_birth"],
            "gender": row["gender"],
            "country": row["country"],
            "language": row["language"],
            "time_zone": row["time_zone"],
            "do_not_contact_channels": row["do_not_contact_channels"],
            "is_active": row["is_active"],
            "created_at": row["person_created_at"],
            "updated_at": row["person_updated_at"],
            "version": row["person_version"],
        },
        "medical_condition_id": condition_id,
        "medical_condition": {
            "medical_condition_id": condition_id,
            "name": row["condition_name"],
            "abbreviation": row["abbreviation"],
        },
        "first_contact_date": row["first_contact_date"],
        "initial_consult_date": row["initial_consult_date"],
        "status": row["status"],
        "status_group": status_group(row["status"]),
        "status_reason": row["status_reason"],
        "owner_id": None if owner_id is None else str(owner_id),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
        "deleted_at": None,
    }


def _get_statement() -> Statement:
    asks = who("patient.read")
    doc = (
        select(*_PATIENT, *_PERSON, *_CONDITION)
        .join(Person, Patient.person_id == Person.person_id)
        .join(MedicalCondition, Patient.medical_condition_id == MedicalCondition.medical_condition_id)
        .where(Patient.patient_id == bindparam("patient_id"), Patient.deleted_at.is_(None))
        .join(asks, true())
        .cte("doc")
    )
    event = seen(
        asks,
        doc,
        action="get_patient",
        record_type="patient",
        record_id=doc.c.patient_id,
        person_ids=array([doc.c.person_id]),
    )
    return Statement(select(doc).add_cte(event))


GET_PATIENT = _get_statement()


async def get_patient(asked: Asked) -> Response | None:
    patient_id = asked.request.path_params["patient_id"]
    if asked.request.scope["query_string"] or not _ID.match(patient_id):
        return None
    row = await asked.lane.one(GET_PATIENT, {**asked.values, "patient_id": UUID(patient_id)})
    if row is None:
        return None
    return json_answer(_document(row), etag=etag(row["version"], row["person_version"]))


@cache
def list_statement(*, states: int, by_condition: bool, by_owner: bool, after: bool) -> Statement:
    """
    The page for one combination of filters. `states` is how many states the status filter names, 0 for no filter;
    several are given as one array.
    """
    asks = who("patient.read")

    def filtered(*columns: Any) -> Select[Any]:
        found = select(*columns).where(Patient.deleted_at.is_(None))
        if states == 1:
            found = found.where(Patient.status == bindparam("status"))
        elif states:
            found = found.where(Patient.status == func.any(bindparam("statuses", type_=ARRAY(Text()))))
        if by_condition:
            found = found.where(Patient.medical_condition_id == bindparam("medical_condition_id"))
        if by_owner:
            found = found.where(Patient.owner_id == bindparam("owner_id"))
        return found

    newest_first = (Patient.created_at.desc(), Patient.patient_id.desc())
    cut = filtered(*_PATIENT).where(select(asks.c.actor_id).exists())
    if after:
        place = tuple_(bindparam("after_at", type_=Patient.created_at.type), bindparam("after_id", type_=Uuid()))
        cut = cut.where(tuple_(Patient.created_at, Patient.patient_id) < place)
    # One row more than is shown tells whether there is a next page.
    page = cut.order_by(*newest_first).limit(bindparam("one_more")).cte("page")
    shown = (
        select(page.c.person_id)
        .order_by(page.c.created_at.desc(), page.c.patient_id.desc())
        .limit(bindparam("shown"))
        .subquery("shown")
    )
    people = select(
        func.array_agg(aggregate_order_by(shown.c.person_id, shown.c.person_id)).label("person_ids")
    ).subquery("people")
    event = seen(
        asks,
        select(people).where(people.c.person_ids.is_not(None)).subquery("somebody"),
        ...
    )
