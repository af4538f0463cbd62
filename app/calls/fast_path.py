"""The fast path of logging a call with a patient: one statement; what is not plain goes the ordinary path (api.py)."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Uuid, bindparam, case, func, insert, or_, select, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from app.access.fast_paths import FastRequest, audit_row, credentials, json_answer
from app.calls.models import CallHistory
from app.calls.rules import contradictions, derive_status, unresolved_because
from app.calls.schemas import CallForPatient
from app.calls.states import CALL
from app.patients.models import Patient
from app.people.models import Person
from app.people.schemas import PersonSummary
from app.platform import clock
from app.platform.etags import etag
from app.platform.fast_path import Row, Statement

_NEW_CALL = TypeAdapter(CallForPatient)
_SENT = (
    "booking_date",
    "booking_time_zone",
    "call_date",
    "reminder_date",
    "status",
    "no_show",
    "direction",
    "channel",
    "call_duration_minutes",
    "outcome",
    "adverse_event_heard",
    "notes",
)
_SUMMARY = tuple(PersonSummary.model_fields)


def _log_statement() -> Statement:
    caller = credentials("call.write")
    navigator = aliased(Person, name="navigator")
    # The navigator is whom the request names, nobody when it says null, else the person behind the key.
    pn_id = case((bindparam("names_navigator"), bindparam("pn_id", type_=Uuid())), else_=caller.c.actor_person_id)
    # A navigator who is nobody breaks the foreign key: the ordinary path says so.
    patient = (
        select(
            caller.c.actor_id,
            Patient.patient_id,
            pn_id.label("pn_id"),
            *(getattr(Person, name).label(f"person_{name}") for name in _SUMMARY),
            *(getattr(navigator, name).label(f"pn_{name}") for name in _SUMMARY if name != "person_id"),
        )
        .select_from(caller)
        .join(Patient, Patient.patient_id == bindparam("patient_id", type_=Uuid()))
        .join(Person, Patient.person_id == Person.person_id)
        .outerjoin(navigator, navigator.person_id == pn_id)
        .where(Patient.deleted_at.is_(None))
        .cte("of_patient")
    )
    columns = CallHistory.__table__.c
    values = {
        **{name: bindparam(name, type_=columns[name].type) for name in _SENT},
        "patient_id": patient.c.patient_id,
        "person_id": patient.c.person_person_id,
        "pn_id": patient.c.pn_id,
        "created_by": patient.c.actor_id,
        "updated_by": patient.c.actor_id,
    }
    call = (
        insert(CallHistory)
        .from_select(list(values), select(*values.values()).select_from(patient))
        .returning(*(columns[name] for name in columns.keys()))  # noqa: SIM118 - a collection of columns is no dict
        .cte("new_call")
    )
    both = array([func.least(call.c.person_id, call.c.pn_id), func.greatest(call.c.person_id, call.c.pn_id)])
    alone = or_(call.c.pn_id.is_(None), call.c.pn_id == call.c.person_id)
    event = audit_row(
        caller,
        call,
        action="create_call",
        record_type="call_history",
        record_id=call.c.call_id,
        person_ids=case((alone, array([call.c.person_id])), else_=both),
    )
    shown = [column for column in patient.c if column.name not in {"actor_id", "patient_id", "pn_id"}]
    return Statement(select(*call.c, *shown).select_from(call.join(patient, true())).add_cte(event))


CREATE_CALL = _log_statement()


async def create_call(fast: FastRequest) -> Response | None:
    body = await fast.request.json()
    if not isinstance(body, dict) or "lead_id" in body:
        return None
    try:
        new = _NEW_CALL.validate_python(body)
    except ValidationError:
        return None
    status = derive_status(present=CALL.initial, status=new.status, no_show=new.no_show, outcome=new.outcome)
    if contradictions(
        status=status,
        no_show=new.no_show,
        outcome=new.outcome,
        booking_date=new.booking_date,
        call_date=new.call_date,
    ):
        return None
    row = await fast.statements.one(
        CREATE_CALL,
        {
            **fast.values,
            **{name: getattr(new, name) for name in _SENT},
            "status": status,
            "no_show": status == "no_show",
            "patient_id": new.patient_id,
            "names_navigator": "pn_id" in new.model_fields_set,
            "pn_id": new.pn_id,
        },
    )
    if row is None:
        return None
    document = _document(row)
    headers = {"etag": etag(row["version"]), "location": f"/api/v1/call-history/{document['call_id']}"}
    return json_answer(document, status=201, headers=headers)


def _document(row: Row) -> dict[str, Any]:
    """CallRead of a row: a call of a patient that was made just now."""
    pn_id, person_id = row["pn_id"], str(row["person_id"])
    return {
        "call_id": str(row["call_id"]),
        "person_id": person_id,
        "person": {
            "person_id": person_id,
            "first_name": row["person_first_name"],
            "last_name": row["person_last_name"],
            "preferred_name": row["person_preferred_name"],
            "email": row["person_email"],
            "phone": row["person_phone"],
            "date_of_birth": row["person_date_of_birth"],
            "is_active": row["person_is_active"],
        },
        "patient_id": str(row["patient_id"]),
        "lead_id": None,
        "pn_id": _text(pn_id),
        "pn": None
        if pn_id is None
        else {
            "person_id": str(pn_id),
            "first_name": row["pn_first_name"],
            "last_name": row["pn_last_name"],
            "preferred_name": row["pn_preferred_name"],
            "email": row["pn_email"],
            "phone": row["pn_phone"],
            "date_of_birth": row["pn_date_of_birth"],
            "is_active": row["pn_is_active"],
        },
        "booking_date": row["booking_date"],
        "booking_time_zone": row["booking_time_zone"],
        "call_date": row["call_date"],
        "reminder_date": row["reminder_date"],
        "occurs_at": row["occurs_at"],
        "status": row["status"],
        "status_group": CALL.groups[row["status"]],
        "no_show": row["no_show"],
        "direction": row["direction"],
        "channel": row["channel"],
        "call_duration_minutes": row["call_duration_minutes"],
        "outcome": row["outcome"],
        "adverse_event_heard": row["adverse_event_heard"],
        "notes": row["notes"],
        "rescheduled_to": None,
        "unresolved_because": unresolved_because(
            status=row["status"],
            occurs_at=row["occurs_at"],
            adverse_event_heard=row["adverse_event_heard"],
            is_voided=False,
            now=clock.now(),
        ),
        "voided_at": None,
        "voided_by": None,
        "void_reason": None,
        "created_at": row["created_at"],
        "created_by": _text(row["created_by"]),
        "updated_at": row["updated_at"],
        "updated_by": _text(row["updated_by"]),
        "version": row["version"],
    }


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)
