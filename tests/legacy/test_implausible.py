"""The report's SQL judges dates by the rules by which they are judged when they are entered."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import DateTime, inspect, select, text
from sqlalchemy.orm import Session

from app.calls.models import CallHistory
from app.calls.rules import moments_of
from app.journeys.eap.models import EapJourney
from app.legacy.implausible import MIGRATED, implausible_dates
from app.patients.models import Patient
from app.people.models import Person
from app.platform import clock, schema
from app.platform.plausibility import CLOCKS_DIFFER, EVENT_DATES, FIRST_CONTACTS_SINCE, Life, dates_of, implausible

BIRTHS = (None, date(1980, 5, 17), date(1980, 1, 1), date(1980, 6, 30), date(1980, 7, 1))
ZONES = (None, "Pacific/Kiritimati", "Pacific/Pago_Pago", "Mars/Olympus")
"""Of which a day begins first, and last, and one that nobody knows."""
CALLS: tuple[dict[str, Any], ...] = (
    {"status": "scheduled"},
    {"status": "completed"},
    {"status": "scheduled", "outcome": "reached"},
)


def _values(column: Any, now: datetime) -> Iterator[date | datetime]:
    near = (date(1979, 12, 31), date(1980, 5, 17), FIRST_CONTACTS_SINCE, now.date())
    for day in (day + timedelta(days=apart) for day in near for apart in (-1, 0, 1, 2)):
        if isinstance(column.type, DateTime):
            # Hours before and behind the ones at which a day begins in the zones that are farthest.
            yield from (datetime.combine(day, time(hour, 30), UTC) for hour in (9, 10, 12))
        else:
            yield day
    if isinstance(column.type, DateTime):
        yield from (now + CLOCKS_DIFFER + timedelta(seconds=seconds) for seconds in (-1, 0, 1))


def _rows(table: Any, field: str, person: Callable[[], Person], patient: Patient, now: datetime) -> Iterator[Any]:
    """What is stored; each row has its key, so that many go to the database at once."""
    for value in _values(table.__table__.c[field], now):
        if table is Patient:
            one = person()
            yield one
            about = {"person_id": one.person_id, "medical_condition_id": patient.medical_condition_id}
            yield Patient(patient_id=uuid4(), **about, **{field: value})
        elif table is CallHistory:
            of_patient = {"patient_id": patient.patient_id, "person_id": patient.person_id}
            for said in CALLS:
                dates = [{"booking_date": now, field: value}]
                if field == "booking_date":
                    dates.append({"booking_date": value, "call_date": now})
                for given in dates:
                    yield CallHistory(**{_key(table): uuid4()}, **of_patient, **said, **given)
        else:
            number = str(uuid4())
            of_programme = {"eap_number": number, "eap_number_key": number, "number_scope": ""}
            further = of_programme if table is EapJourney else {"trial_reference": "Ours"}
            yield table(**{_key(table): uuid4()}, patient_id=patient.patient_id, **further, **{field: value})


def _key(table: Any) -> str:
    return str(inspect(table).primary_key[0].name)


@pytest.mark.parametrize("hour", [9, 11, 23])
def test_the_report_judges_dates_as_they_are_judged_when_they_are_entered(
    another_database: Callable[[str], str], hour: int
) -> None:
    """Also in the hours when it is another day where the person lives."""
    engine = schema.sync_engine(another_database(f"implausible_{hour}"))
    now = datetime.combine(clock.today(), time(hour), UTC)
    expected: set[tuple[str, str, str, str]] = set()
    with Session(engine) as session:
        # The report reads what is stored: what triggers keep beside it (history, search, orders) is not asked.
        for table in (Person, *MIGRATED):
            session.execute(text(f"ALTER TABLE {table.__tablename__} DISABLE TRIGGER USER"))
        session.execute(text("CREATE SCHEMA legacy"))
        session.execute(text("CREATE TABLE legacy.lineage (run_id integer, target text, target_id uuid)"))
        condition = session.execute(text("SELECT medical_condition_id FROM medical_condition LIMIT 1")).scalar_one()
        made: list[Any] = []
        lives: dict[Any, Life] = {}
        for born in BIRTHS:
            for zone in ZONES:

                def somebody(born: date | None = born, zone: str | None = zone) -> Person:
                    return Person(person_id=uuid4(), first_name="A", date_of_birth=born, time_zone=zone)

                patient = Patient(person=somebody(), medical_condition_id=condition)
                session.add(patient)
                session.flush()
                for rule in EVENT_DATES:
                    for table in MIGRATED:
                        if table.__tablename__ == rule.table:
                            rows = [*_rows(table, rule.field, somebody, patient, now)]
                            made += rows
                            life = Life(born=born, time_zone=zone)
                            lives |= {getattr(row, _key(table)): life for row in rows if isinstance(row, table)}
        made.sort(key=lambda row: not isinstance(row, Person))
        session.bulk_save_objects(made)
        stored = {getattr(row, _key(table)): row for table in MIGRATED for row in session.scalars(select(table)).all()}
        lineage = [{"table": stored[key].__tablename__, "key": key} for key in lives]
        session.execute(text("INSERT INTO legacy.lineage VALUES (1, :table, :key)"), lineage)
        for key, life in lives.items():
            row = stored[key]
            table = row.__tablename__
            faults = (
                moments_of(row, life=life, now=now)
                if table == "call_history"
                else implausible(table, dates_of(row), life=life, now=now)
            )
            expected |= {(table, str(key), fault.error.field, fault.error.code) for fault in faults}
        found = session.connection().exec_driver_sql(implausible_dates(1_000_000, now), (1,)).all()
    engine.dispose()

    assert {code for *_, code in expected} == {"before_birth", "in_the_future", "too_long_ago"}
    assert {tuple(row) for row in found} ^ expected == set()
