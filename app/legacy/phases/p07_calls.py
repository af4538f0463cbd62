"""
Phase 7, calls: every booking and call of leads and patients, none overwritten.

Reads phone calls, appointments, the contacts' columns and the audit of those columns. Writes call_history. Sources of
one minute of one person are one call: phone call before appointment before column before audit.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import orjson

from app.legacy.bookings import Booking, Change, lost_bookings
from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context

READS: Final = ("s_phonecall", "s_appointment", "s_contact", "s_audit")
WRITES: Final = ("call_history",)


def run(context: Context) -> None:
    """Collect the sources, make one call of those that are one, and write them."""
    _told_by_audit(context)
    context.table(
        "w_holder",
        """
        SELECT coalesce(a.p, l.p) AS p, a.patient_id, l.lead_id FROM legacy.d_patient AS a
        FULL JOIN (SELECT DISTINCT ON (p) p, lead_id FROM legacy.d_lead ORDER BY p, created_at, id) AS l USING (p)
        """,
    )
    about = """
        JOIN legacy.w_person_row AS r ON r.id = s.about_id AND r.tbl = CASE
            WHEN s.about IS NOT NULL THEN s.about
            WHEN EXISTS (SELECT FROM legacy.s_contact AS c WHERE c.id = s.about_id AND c.fault IS NULL) THEN 'contact'
            ELSE 'patient' END
    """
    context.table(
        "w_call_source",
        f"""
        SELECT r.p, 0 AS rank, 'phonecall' AS tbl, s.record, s.id, s.booking, s.call, NULL::timestamptz AS reminder,
               s.status, s.direction, s.minutes, s.outcome, nullif(s.notes, '') AS notes, s.owner
        FROM legacy.s_phonecall AS s {about} WHERE s.fault IS NULL
        UNION ALL
        SELECT r.p, 1, 'appointment', s.record, s.id, s.booking, NULL, NULL, s.status, NULL, NULL, NULL,
               nullif(s.notes, ''), s.owner
        FROM legacy.s_appointment AS s {about} WHERE s.fault IS NULL
        UNION ALL
        SELECT r.p, 2, 'contact', s.record, s.id, s.booking, NULL, s.reminder,
               CASE WHEN s.no_show AND NOT coalesce(s.booking > :now, false) THEN 'no_show' ELSE 'scheduled' END,
               NULL, NULL, NULL, NULL, NULL
        FROM legacy.s_contact AS s JOIN legacy.w_person_row AS r ON r.tbl = 'contact' AND r.record = s.record
        WHERE s.fault IS NULL AND (s.booking IS NOT NULL OR s.reminder IS NOT NULL OR s.no_show)
        UNION ALL
        SELECT r.p, 3, 'audit', t.record, a.id, t.booking, NULL, t.reminder, t.status, NULL, NULL, NULL, NULL, NULL
        FROM legacy.w_told_booking AS t JOIN legacy.s_audit AS a ON a.record = t.record
        JOIN legacy.w_person_row AS r ON r.tbl = 'contact' AND r.id = a.about_id
        """,
    )
    # A source without any moment is a call of its own: nothing says that it is another's.
    context.table(
        "w_call_part",
        """
        SELECT s.*, coalesce(date_trunc('minute', coalesce(s.booking, s.call), 'UTC')::text, s.tbl || s.id) AS minute,
               row_number() OVER (PARTITION BY s.p, coalesce(date_trunc('minute', coalesce(s.booking, s.call), 'UTC')::text,
                                                             s.tbl || s.id)
                                  ORDER BY s.rank, s.id, s.status, s.reminder)::integer AS place
        FROM legacy.w_call_source AS s JOIN legacy.w_holder USING (p)
        """,
    )
    context.analyze("w_call_part", "w_holder")
    alone = """
        SELECT p, minute, booking, call, reminder, status, direction, minutes, outcome, notes, owner, tbl, id
        FROM legacy.w_call_part AS o WHERE place = 1 AND NOT EXISTS (
            SELECT FROM legacy.w_call_part AS t WHERE t.p = o.p AND t.minute = o.minute AND t.place = 2)
    """
    several = " ".join(
        f"(array_agg({column} ORDER BY place) FILTER (WHERE {column} IS NOT NULL))[1] AS {column},"
        for column in ("booking", "call", "reminder")
    )
    further = " ".join(
        f"(array_agg({column} ORDER BY place) FILTER (WHERE {column} IS NOT NULL))[1] AS {column},"
        for column in ("direction", "minutes", "outcome")
    )
    new = context.is_new("call_history", "call_id", "q.call_id")
    if not context.is_first:
        # Somebody may have logged it here.
        new += """
            AND NOT EXISTS (
                SELECT FROM public.call_history AS t
                WHERE t.person_id = q.person_id AND date_trunc('minute', coalesce(t.booking_date, t.call_date), 'UTC')
                                  = date_trunc('minute', coalesce(q.booking, q.call), 'UTC'))
        """
    context.table(
        "d_call",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT g.p, i.person_id, h.patient_id, CASE WHEN h.patient_id IS NULL THEN h.lead_id END AS lead_id,
                   g.minute, g.booking, g.call, g.reminder, g.status, g.direction, g.minutes,
                   CASE WHEN g.status <> 'cancelled' THEN g.outcome END AS outcome, g.notes, g.owner, g.tbl, g.id,
                   legacy.derived_id(:epoch, 'call', i.person_id || g.minute) AS call_id
            FROM (
                {alone}
                UNION ALL
                SELECT p, minute, {several}
                       coalesce((array_agg(status ORDER BY place) FILTER (WHERE status <> 'scheduled'))[1], 'scheduled'),
                       {further} string_agg(notes, E'\\n\\n' ORDER BY place) FILTER (WHERE says_new),
                       (array_agg(owner ORDER BY place) FILTER (WHERE owner IS NOT NULL))[1],
                       (array_agg(tbl ORDER BY place))[1], (array_agg(id ORDER BY place))[1]
                FROM (
                    SELECT o.*, o.notes IS NOT NULL AND o.place = min(o.place) OVER (PARTITION BY o.p, o.minute, o.notes)
                                AS says_new
                    FROM legacy.w_call_part AS o WHERE EXISTS (
                        SELECT FROM legacy.w_call_part AS t WHERE t.p = o.p AND t.minute = o.minute AND t.place = 2)
                ) AS parts
                GROUP BY p, minute
            ) AS g
            JOIN legacy.d_person_id AS i USING (p) JOIN legacy.w_holder AS h USING (p)
        ) AS q
        """,
    )
    with indexes_at_the_end(context, "call_history", context.count("d_call WHERE is_new")):
        context.insert(
            "call_history",
            "call_id, created_at, updated_at, person_id, patient_id, lead_id, pn_id, booking_date, booking_time_zone, call_date,"
            " reminder_date, status, no_show, direction, call_duration_minutes, outcome, notes",
            """
            SELECT d.call_id, :now, :now, d.person_id, d.patient_id, d.lead_id, n.person_id, d.booking,
                   CASE WHEN d.booking IS NOT NULL THEN :tz END, d.call, d.reminder, d.status, d.status = 'no_show',
                   coalesce(d.direction, 'outbound'), d.minutes, d.outcome, d.notes
            FROM legacy.d_call AS d LEFT JOIN legacy.d_navigator AS n ON n.id = d.owner WHERE d.is_new ORDER BY d.person_id
            """,
        )
    context.lineage(
        "calls",
        """
        SELECT DISTINCT 'call_history', d.call_id, k.tbl, k.id, NULL::text[]
        FROM legacy.d_call AS d JOIN legacy.w_call_part AS k USING (p, minute) WHERE d.is_new
        """,
    )
    _tell(context)


def _told_by_audit(context: Context) -> None:
    """Make w_told_booking: the calls that the audit of the contacts' columns gives."""

    def told() -> Iterator[tuple[int, str, str | None, str]]:
        rows = context.rows(
            """
            SELECT a.about_id, a.record, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), a.changes,
                   to_char(c.booking AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                   to_char(c.reminder AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.no_show
            FROM legacy.s_audit AS a JOIN legacy.s_contact AS c ON c.id = a.about_id AND c.fault IS NULL
            WHERE a.fault IS NULL AND a.about = 'contact' ORDER BY a.about_id, a.at DESC, a.id DESC
            """
        )
        for _, of_one in groupby(rows, key=lambda row: row[0]):
            changes = list(of_one)
            booking, reminder, no_show = changes[0][4:]
            history = [Change(record, at, orjson.loads(changed)) for _, record, at, changed, *_ in changes]
            for call in lost_bookings(Booking(booking, reminder, no_show), history):
                yield call.record, call.booking, call.reminder, call.status

    context.fill("w_told_booking", "record integer, booking timestamptz, reminder timestamptz, status text", told())
    context.analyze("w_told_booking")


def _tell(context: Context) -> None:
    """Write what became of each source."""
    units = {"phonecall": "call", "appointment": "call", "contact": "booking"}
    for table, unit in units.items():
        context.outcomes(
            f"calls of {table}",
            f"""
            SELECT s.tbl, s.record, '{unit}',
                   CASE WHEN k.place IS NULL THEN 'skipped_by_rule' WHEN k.place = 1 THEN 'created'
                        ELSE 'merged_into_existing' END,
                   CASE WHEN k.place IS NULL THEN 'NO_LEAD_OR_PATIENT' END
            FROM legacy.w_call_source AS s LEFT JOIN legacy.w_call_part AS k
                 ON k.tbl = s.tbl AND k.record = s.record
            WHERE s.tbl = '{table}'
            """,
        )
    context.outcomes(
        "calls of audit",
        """
        SELECT 'audit', a.record, 'change',
               CASE WHEN h.p IS NULL THEN 'skipped_by_rule' WHEN k.first = 1 THEN 'created'
                    WHEN k.first > 1 THEN 'merged_into_existing' ELSE 'linked' END,
               CASE WHEN h.p IS NULL THEN 'NO_LEAD_OR_PATIENT' END
        FROM legacy.s_audit AS a JOIN legacy.w_person_row AS r ON r.tbl = 'contact' AND r.id = a.about_id
        LEFT JOIN legacy.w_holder AS h USING (p)
        LEFT JOIN (SELECT record, min(place) AS first FROM legacy.w_call_part WHERE tbl = 'audit' GROUP BY record) AS k
             ON k.record = a.record
        WHERE a.fault IS NULL AND a.about = 'contact'
        """,
    )
    for table in ("phonecall", "appointment", "audit"):
        context.rejects(
            table,
            "SELECT record, unit, reason FROM legacy.outcome WHERE run_id = :run AND phase = :phase"
            f" AND \"table\" = '{table}' AND reason = 'NO_LEAD_OR_PATIENT'",
        )
    context.warnings(
        "calls",
        """
        SELECT 'contact', s.record, 'FUTURE_NO_SHOW' FROM legacy.s_contact AS s
        WHERE s.fault IS NULL AND s.no_show AND s.booking > :now
        UNION ALL
        SELECT 'contact', c.record, 'CALL_STATUS_CONFLICT' FROM legacy.w_call_part AS c
        JOIN legacy.s_contact AS s ON s.record = c.record AND s.no_show
        JOIN legacy.w_call_part AS o ON (o.p, o.minute) = (c.p, c.minute) AND o.status = 'completed'
        WHERE c.tbl = 'contact'
        UNION ALL
        SELECT 'phonecall', s.record, unnest(s.warnings) FROM legacy.s_phonecall AS s
        JOIN legacy.w_call_part AS k ON k.tbl = 'phonecall' AND k.record = s.record WHERE s.warnings IS NOT NULL
        """,
    )
