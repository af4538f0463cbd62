"""Records with what no edit may make, and what stood before: the rules of their tables that migrated rows break."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.calls.queries import OF_A_DELETED_PATIENT
from app.calls.states import CALL_RULES, FAULTY_CALL_SQL
from app.leads.models import PatientLead
from app.leads.states import FAULTY_LEAD_SQL, LEAD_RULES
from app.oversight.schemas import FaultRead, FaultyRecord, FaultyRecordRead, StandingFaultFilter
from app.patients.models import Patient
from app.patients.states import FAULTY_PATIENT_SQL, PATIENT_RULES
from app.people.models import FAULTY_ROLE_SQL, PersonContactType
from app.people.roles import ROLE_RULES
from app.platform.actor import Actor
from app.platform.faults import Rule, faults_in
from app.platform.paging import Branch, Found, SortKey, fetch_keys


@dataclass(frozen=True)
class Kind:
    """A table whose rows may break one of `rules`; `faulty` finds those that do, `only` which of them count."""

    model: Any
    rules: tuple[Rule, ...]
    faulty: str
    only: tuple[ColumnElement[bool], ...] = ()

    @property
    def record_type(self) -> FaultyRecord:
        found: FaultyRecord = self.model.__tablename__
        return found

    @property
    def key(self) -> Any:
        """The key's column, as an attribute of the model."""
        return getattr(self.model, inspect(self.model).primary_key[0].name)

    @property
    def branch(self) -> Branch:
        """The keys of the faulty rows, as a part of the list; in the order of the keys, which the index has."""
        ids = select(self.key.label("record_id"), self.key.label("place")).where(text(f"({self.faulty})"), *self.only)
        return ids, SortKey((self.key,), (UUID,))


KINDS = (
    Kind(PatientLead, LEAD_RULES, FAULTY_LEAD_SQL),
    Kind(Patient, PATIENT_RULES, FAULTY_PATIENT_SQL),
    Kind(CallHistory, CALL_RULES, FAULTY_CALL_SQL, (~OF_A_DELETED_PATIENT,)),
    Kind(PersonContactType, ROLE_RULES, FAULTY_ROLE_SQL),
)


async def list_faulty_records(
    session: AsyncSession, _actor: Actor, *, query: StandingFaultFilter
) -> Found[FaultyRecordRead]:
    """A page of records with their faults, in the order of their keys."""
    kinds = [kind for kind in KINDS if query.record_type in (None, kind.record_type)]
    (ids, sort), *further = [kind.branch for kind in kinds]
    found = await fetch_keys(session, ids=ids, query=query, sort=sort, further=further)
    shown: dict[UUID, FaultyRecordRead] = {}
    for kind in kinds if found.rows else ():
        for row in await session.scalars(select(kind.model).where(kind.key.in_(found.rows))):
            record = _read(kind, row)
            shown[record.record_id] = record
    return replace(found, rows=[shown[key] for key in found.rows if key in shown])


def _read(kind: Kind, row: Any) -> FaultyRecordRead:
    return FaultyRecordRead(
        record_type=kind.record_type,
        record_id=getattr(row, kind.key.key),
        person_id=row.person_id,
        faults=[
            FaultRead(field=fault.error.field, code=fault.error.code, message=fault.error.message)
            for fault in faults_in(row, kind.rules)
        ],
    )
