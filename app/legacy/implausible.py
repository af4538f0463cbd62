"""Dates that the contract lets through and that nobody could enter here, for the report of a run."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import DateTime, inspect

from app.calls.models import CallHistory
from app.calls.rules import HAPPENED
from app.journeys.eap.models import EapJourney
from app.journeys.trial.models import ClinicalTrialJourney
from app.patients.models import Patient
from app.platform.faults import in_list
from app.platform.plausibility import CLOCKS_DIFFER, EVENT_DATES, FARTHEST_EAST, PLACEHOLDERS, Ahead, EventDate

MIGRATED: Final[tuple[Any, ...]] = (Patient, CallHistory, ClinicalTrialJourney, EapJourney)
"""The tables with event dates that the migration writes."""
_BORN: Final = (
    f"CASE WHEN to_char(p.date_of_birth, 'MM-DD') IN {in_list(f'{month:02}-{day:02}' for month, day in sorted(PLACEHOLDERS))}"
    " THEN date_trunc('year', p.date_of_birth)::date ELSE p.date_of_birth END"
)


def implausible_dates(limit: int, now: datetime) -> str:
    """
    The rows of a run with a date that cannot be, as SQL: target, target_id, field, code.

    The run is its only parameter, `now` the moment of the report. That it judges as `plausibility.implausible` does is tested
    for every rule (tests/legacy/test_implausible.py).
    """
    found = [
        f"SELECT l.target, l.target_id::text AS target_id, '{rule.field}' AS field, '{code}' AS code FROM l"
        f" JOIN public.{rule.table} AS r ON l.target = '{rule.table}' AND r.{_key(model)} = l.target_id"
        f" JOIN public.person AS p ON p.person_id = {_person(model)} WHERE {condition}"
        for model in MIGRATED
        for rule in EVENT_DATES
        if rule.table == model.__tablename__
        for code, condition in _conditions(model, rule, now)
    ]
    # The server reads a folder of files to tell the names of its zones: once for all rules.
    zones = "zones AS MATERIALIZED (SELECT name FROM pg_timezone_names)"
    written = f"WITH {zones}, l AS (SELECT DISTINCT target, target_id FROM legacy.lineage WHERE run_id = %s)"
    return f"{written} {' UNION ALL '.join(found)} ORDER BY 1, 3, 4, 2 LIMIT {limit}"


def _conditions(model: Any, rule: EventDate, now: datetime) -> list[tuple[str, str]]:
    column, is_instant = f"r.{rule.field}", isinstance(model.__table__.c[rule.field].type, DateTime)
    east = int(FARTHEST_EAST.total_seconds())
    day = f"({column} AT TIME ZONE 'UTC' + interval '{east} seconds')::date" if is_instant else column
    found = [("before_birth", f"{day} < {_BORN}")]
    if rule.since is not None:
        found.append(("too_long_ago", f"{column} < date '{rule.since.isoformat()}'"))
    moment = f"timestamptz '{now.isoformat()}'"
    # A day begins in the person's zone or in ours; a zone that is not known is none.
    there = f"CASE WHEN p.time_zone IN (SELECT name FROM zones) THEN ({moment} AT TIME ZONE p.time_zone)::date END"
    today = f"greatest(({moment} AT TIME ZONE 'UTC')::date, {there})"
    latest = f"{moment} + interval '{int(CLOCKS_DIFFER.total_seconds())} seconds'" if is_instant else today
    if rule.ahead is Ahead.NEVER:
        found.append(("in_the_future", f"{column} > {latest}"))
    if rule.ahead is Ahead.UNTIL_IT_HAPPENED:
        happened = f"(r.status IN {in_list(sorted(HAPPENED))} OR r.outcome IS NOT NULL)"
        tells = "" if rule.field == "call_date" else " AND r.call_date IS NULL"
        found.append(("in_the_future", f"{column} > {latest} AND {happened}{tells}"))
    return found


def _key(model: Any) -> str:
    return str(inspect(model).primary_key[0].name)


def _person(model: Any) -> str:
    if "person_id" in model.__table__.c:
        return "r.person_id"
    return "(SELECT q.person_id FROM public.patient AS q WHERE q.patient_id = r.patient_id)"
