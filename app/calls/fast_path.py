"""The fast path of logging a call with a patient: one statement; what is not plain goes the ordinary path (api.py)."""

from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    Text,
    Uuid,
    all_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from app.access.fast_paths import FastRequest, audit_row, credentials, json_answer
from app.access.models import UserAccount
from app.access.queries import does_work
from app.calls.models import CallHistory
from app.calls.rules import contradictions, derive_status, moments_that_cannot_be, unresolved_because
from app.calls.schemas import CallForPatient, CallMade
from app.calls.service import NEW, TAKES_CALLS
from app.calls.states import CALL
from app.patients.models import Patient
from app.people.departures.models import PersonDeparture
from app.people.models import Person
from app.people.schemas import PersonSummary
from app.platform import clock
from app.platform.answers import ShownColumns
from app.platform.etags import etag
from app.platform.fast_path import Row, Statement
from app.platform.plausibility import UNKNOWN_LIFE
from app.platform.stored_fields import parameters

_NEW_CALL = TypeAdapter(CallForPatient)
_SENT = (
    *(name for name in NEW.names if name in CallForPatient.model_fields and name != "patient_id"),
    "status",
    "no_show",
)
_SHOWN = ShownColumns(
    CallMade,
    CallHistory,
    made=(
        *("person", "pn", "lead_id", "status_group", "unresolved_because", "warnings"),
        *("rescheduled_to", "voided_at", "voided_by", "void_reason"),
    ),
)
_PERSON = ShownColumns(PersonSummary, Person, prefix="person_")
_NAVIGATOR = ShownColumns(PersonSummary, Person, made=("person_id",), prefix="pn_")


def _is_surely_born(moment: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether the person was born on a day before this moment's; the ordinary path looks at the others more closely."""
    return or_(Person.born_on.is_(None), Person.born_on < func.date(func.timezone(literal_column("'UTC'"), moment)))


def _wants(channel: ColumnElement[str]) -> ColumnElement[bool]:
    return channel != all_(Person.do_not_contact_channels)


def _stayed() -> ColumnElement[bool]:
    departure = PersonDeparture
    return ~exists().where(departure.person_id == Person.person_id, departure.ended_at.is_(None))


def _takes_calls(person_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return does_work(TAKES_CALLS, UserAccount.person_id == person_id)


def _log_statement() -> Statement:
    caller = credentials("call.create", changes=True)
    navigator = aliased(Person, name="navigator")
    # The navigator is whom the request names, nobody when it says null, else the person behind the key.
    own = case((_takes_calls(caller.c.actor_person_id), caller.c.actor_person_id))
    named = bindparam("pn_id", type_=Uuid())
    pn_id = case((bindparam("names_navigator"), named), else_=own)
    by = select(caller.c.actor_id, pn_id.label("pn_id")).cte("by")
    patient = (
        select(
            by.c.actor_id,
            Patient.patient_id,
            by.c.pn_id,
            *_PERSON.columns,
            *_NAVIGATOR.of(navigator),
        )
        .select_from(by)
        .join(Patient, Patient.patient_id == bindparam("patient_id", type_=Uuid()))
        .join(Person, Patient.person_id == Person.person_id)
        .outerjoin(navigator, navigator.person_id == by.c.pn_id)
        .where(
            Patient.deleted_at.is_(None),
            _is_surely_born(bindparam("first_moment", type_=DateTime(timezone=True))),
            or_(
                not_(bindparam("asks_wish", type_=Boolean())), _wants(bindparam("by_channel", type_=Text())) & _stayed()
            ),
            or_(named.is_(None), _takes_calls(named)),
        )
        # Against a change of the birth date: one that was just made is waited for, and looked at.
        .with_for_update(read=True, of=Person)
        .cte("of_patient")
    )
    values = {
        **parameters(CallHistory, _SENT),
        "patient_id": patient.c.patient_id,
        "person_id": patient.c.person_person_id,
        "pn_id": patient.c.pn_id,
        "created_by": patient.c.actor_id,
        "updated_by": patient.c.actor_id,
    }
    call = (
        insert(CallHistory)
        .from_select(list(values), select(*values.values()).select_from(patient))
        .returning(*_SHOWN.columns)
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


def values_of(new: CallForPatient, *, status: str) -> dict[str, Any]:
    """The parameters of CREATE_CALL beside those of every fast statement."""
    return {
        **NEW.values(new),
        "status": status,
        "no_show": status == "no_show",
        "names_navigator": "pn_id" in new.model_fields_set,
        "pn_id": new.pn_id,
        "asks_wish": new.direction == "outbound" and new.contact_reason is None and status != "cancelled",
        "by_channel": new.channel,
        "first_moment": min(filter(None, (new.call_date, new.booking_date, new.reminder_date))),
    }


async def create_call(fast: FastRequest) -> Response | None:
    body = await fast.request.json()
    if not isinstance(body, dict) or "lead_id" in body:
        return None
    try:
        new = _NEW_CALL.validate_python(body)
    except ValidationError:
        return None
    status = derive_status(present=CALL.initial, status=new.status, no_show=new.no_show, outcome=new.outcome)
    # Of an open booking it is asked whether others overlap it, which needs locks; a side effect makes a task.
    if (
        CALL.is_open(status)
        or new.adverse_event_heard
        or contradictions(
            status=status,
            no_show=new.no_show,
            outcome=new.outcome,
            booking_date=new.booking_date,
            booking_time_zone=new.booking_time_zone,
            call_date=new.call_date,
        )
    ):
        return None
    if moments_that_cannot_be(
        status=status,
        outcome=new.outcome,
        booking_date=new.booking_date,
        call_date=new.call_date,
        reminder_date=new.reminder_date,
        life=UNKNOWN_LIFE,
        now=clock.now(),
    ):
        return None
    row = await fast.statements.one(CREATE_CALL, {**fast.values, **values_of(new, status=status)})
    if row is None:
        return None
    document = _document(row)
    headers = {"etag": etag(row["version"]), "location": f"/api/v1/call-history/{document['call_id']}"}
    return json_answer(document, status=201, headers=headers)


def _document(row: Row) -> dict[str, Any]:
    """CallMade of a row: a call of a patient that was made just now."""
    document = _SHOWN.document(row)
    document["person"] = _PERSON.document(row)
    if row["pn_id"] is not None:
        document["pn"] = navigator = _NAVIGATOR.document(row)
        navigator["person_id"] = row["pn_id"]
    document["status_group"] = CALL.groups[row["status"]]
    document["unresolved_because"] = unresolved_because(
        status=row["status"],
        occurs_at=row["occurs_at"],
        outcome=row["outcome"],
        adverse_event_heard=row["adverse_event_heard"],
        is_voided=False,
        now=clock.now(),
    )
    # A booking ahead went the ordinary path.
    document["warnings"] = []
    return document
