"""
Phase 9, journeys: many clinical-trial and expanded-access journeys a patient, none dropped for a missing number.

Reads patient rows, dossiers and the audit of patient rows. Writes clinical_trial, clinical_trial_journey, eap_journey
and suggested_change (what all phases have found).
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import orjson

from app.legacy.bookings import Change
from app.legacy.eap import Dossier, PatientDate, journeys_of
from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context
from app.legacy.phases.suggestions import write_suggestions
from app.legacy.trials import Trial, lost_trials
from app.platform.doubles import key_of_name, key_of_number

READS: Final = ("s_patient", "s_eap_dossier", "s_audit")
WRITES: Final = ("clinical_trial", "clinical_trial_journey", "eap_journey", "suggested_change")


def run(context: Context) -> None:
    """Decide and write the journeys of both kinds."""
    _trials(context)
    _expanded_access(context)


def _trials(context: Context) -> None:
    _told_by_audit(context)
    context.table(
        "w_trial_source",
        """
        SELECT r.p, r.ord, 'patient' AS tbl, s.record, s.id, s.trial, s.referral, s.eligible, s.reason, s.outcome
        FROM legacy.s_patient AS s JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.record = s.record
        WHERE s.fault IS NULL AND s.has_ct
        UNION ALL
        SELECT r.p, 1000000000, 'audit', t.record, a.id, t.trial, t.referral, t.eligible, t.reason, t.outcome
        FROM legacy.w_told_trial AS t JOIN legacy.s_audit AS a ON a.record = t.record
        JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.id = a.about_id
        """,
    )
    context.table(
        "w_trial_part",
        """
        SELECT s.*, row_number() OVER (PARTITION BY p, coalesce(trial, ''), referral ORDER BY ord, id, outcome, eligible)
                    ::integer AS place
        FROM legacy.w_trial_source AS s
        """,
    )
    new = context.is_new("clinical_trial_journey", "ct_journey_id", "q.ct_journey_id")
    if not context.is_first:
        new += """
            AND NOT EXISTS (
                SELECT FROM public.clinical_trial_journey AS t JOIN public.patient AS a USING (patient_id)
                WHERE a.person_id = q.person_id AND t.trial_reference IS NOT DISTINCT FROM left(q.trial, 500)
                AND t.referral_date IS NOT DISTINCT FROM q.referral)
        """
    context.table(
        "d_ct_journey",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT w.p, i.person_id, d.patient_id, d.condition, w.trial, w.referral, w.eligible, w.reason, w.outcome,
                   w.tbl, w.id,
                   coalesce(w.outcome, CASE WHEN w.eligible = 'no' THEN 'pre_screen_failed'
                                            WHEN w.referral IS NOT NULL THEN 'referred' ELSE 'identified' END) AS status,
                   legacy.derived_id(:epoch, 'ct_journey', i.person_id || coalesce(w.trial, '') || '|'
                                     || coalesce(w.referral::text, '')) AS ct_journey_id
            FROM legacy.w_trial_part AS w JOIN legacy.d_person_id AS i USING (p) JOIN legacy.d_patient AS d USING (p)
            WHERE w.place = 1
        ) AS q
        """,
    )
    context.analyze("d_ct_journey")
    _registry(context)
    with indexes_at_the_end(context, "clinical_trial_journey", context.count("d_ct_journey WHERE is_new")):
        context.insert(
            "clinical_trial_journey",
            "ct_journey_id, created_at, updated_at, patient_id, clinical_trial_id, trial_reference, medical_condition_id,"
            " referral_date, eligible, ineligible_reason, notes, status, status_changed_at",
            """
            SELECT d.ct_journey_id, :now, :now, d.patient_id, t.clinical_trial_id, left(d.trial, 500), c.condition_id, d.referral,
                   CASE d.eligible WHEN 'yes' THEN true WHEN 'no' THEN false END,
                   -- Somebody eligible has no reason not to be; what was noted so is kept as a note.
                   CASE WHEN d.eligible IS DISTINCT FROM 'yes' THEN d.reason END,
                   CASE WHEN d.eligible = 'yes' THEN 'Reason noted in the old system: ' || d.reason END, d.status, :now
            FROM legacy.d_ct_journey AS d JOIN legacy.d_condition AS c ON c.name = d.condition
            LEFT JOIN public.clinical_trial AS t ON t.trial_id = d.trial
            WHERE d.is_new ORDER BY d.patient_id
            """,
        )
    context.lineage(
        "trial journeys",
        """
        SELECT DISTINCT 'clinical_trial_journey', d.ct_journey_id, w.tbl, w.id, NULL::text[]
        FROM legacy.d_ct_journey AS d JOIN legacy.w_trial_part AS w
             ON w.p = d.p AND coalesce(w.trial, '') = coalesce(d.trial, '') AND w.referral IS NOT DISTINCT FROM d.referral
        WHERE d.is_new
        """,
    )
    context.outcomes(
        "trial journeys of patients",
        "SELECT 'patient', record, 'ct_journey', CASE WHEN place = 1 THEN 'created' ELSE 'merged_into_existing' END, NULL"
        " FROM legacy.w_trial_part WHERE tbl = 'patient'",
    )
    context.outcomes(
        "trial journeys of audit",
        """
        SELECT 'audit', a.record, 'change', CASE WHEN k.first = 1 THEN 'created' WHEN k.first > 1 THEN 'merged_into_existing'
                                            ELSE 'linked' END, NULL
        FROM legacy.s_audit AS a
        LEFT JOIN (SELECT record, min(place) AS first FROM legacy.w_trial_part WHERE tbl = 'audit' GROUP BY record) AS k
             ON k.record = a.record
        WHERE a.fault IS NULL AND a.about = 'patient'
        """,
    )


def _registry(context: Context) -> None:
    """Trials that journeys name by a registry's number and that are not here yet, as `unverified`."""
    context.table(
        "d_trial",
        """
        SELECT q.*, legacy.derived_id(:epoch, 'trial', q.trial) AS id FROM (
            SELECT trial, min(id::text)::uuid AS source_id, min(tbl) AS tbl,
                   CASE WHEN trial ~ '^NCT[0-9]{8}$' THEN 'NCT' WHEN trial ~ '^ISRCTN[0-9]{8}$' THEN 'ISRCTN'
                        WHEN trial ~ '^[0-9]{4}-5[0-9]{5}-[0-9]{2}-[0-9]{2}$' THEN 'EUCT'
                        WHEN trial ~ '^[0-9]{4}-[0-9]{6}-[0-9]{2}$' THEN 'EudraCT' END AS registry
            FROM legacy.d_ct_journey WHERE is_new AND trial IS NOT NULL GROUP BY trial
        ) AS q WHERE q.registry IS NOT NULL
          AND NOT EXISTS (SELECT FROM public.clinical_trial AS x WHERE x.trial_id = q.trial)
        """,
    )
    with indexes_at_the_end(context, "clinical_trial", context.count("d_trial")):
        context.insert(
            "clinical_trial",
            "clinical_trial_id, created_at, updated_at, trial_id, registry_code, status",
            "SELECT id, :now, :now, trial, registry, 'unverified' FROM legacy.d_trial ORDER BY trial",
        )
    context.lineage("trials", "SELECT 'clinical_trial', id, tbl, source_id, NULL::text[] FROM legacy.d_trial")


def _told_by_audit(context: Context) -> None:
    """Make w_told_trial: the journeys that the audit of the patients' columns gives."""

    def told() -> Iterator[tuple[int, str | None, str | None, str | None, str | None, str | None]]:
        rows = context.rows(
            """
            SELECT a.about_id, a.record, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), a.changes,
                   s.trial, s.referral::text, s.eligible, s.reason, s.outcome
            FROM legacy.s_audit AS a JOIN legacy.s_patient AS s ON s.id = a.about_id AND s.fault IS NULL
            WHERE a.fault IS NULL AND a.about = 'patient' ORDER BY a.about_id, a.at DESC, a.id DESC
            """
        )
        for _, of_one in groupby(rows, key=lambda row: row[0]):
            changes = list(of_one)
            history = [Change(record, at, orjson.loads(changed)) for _, record, at, changed, *_ in changes]
            for journey in lost_trials(Trial(*changes[0][4:]), history):
                yield journey.record, *journey.trial

    context.fill(
        "w_told_trial",
        "record integer, trial text, referral date, eligible text, reason text, outcome text",
        told(),
    )


def _expanded_access(context: Context) -> None:
    journeys: list[tuple[Any, ...]] = []
    outcomes: list[tuple[str, int, str]] = []
    conflicts: list[tuple[Any, ...]] = []
    rows = context.rows(
        """
        SELECT r.p, 0 AS kind, d.id::text AS key, d.record, d.number, d.product, d.enrolled::text, 0 AS ord
        FROM legacy.s_eap_dossier AS d JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.id = d.patient
        WHERE d.fault IS NULL
        UNION ALL
        SELECT r.p, 1, s.id::text, s.record, NULL, NULL, s.eap_date::text, r.ord
        FROM legacy.s_patient AS s JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.record = s.record
        WHERE s.fault IS NULL AND s.eap_date IS NOT NULL
        ORDER BY 1, 2, 8, 3
        """
    )
    for p, of_one in groupby(rows, key=lambda row: row[0]):
        dossiers, dates = [], []
        for _, kind, key, record, number, product, enrolled, _ in of_one:
            if kind == 0:
                dossiers.append(Dossier(record, key, number, product, enrolled))
            else:
                dates.append(PatientDate(record, key, enrolled))
        decided = journeys_of(dossiers, dates)
        journeys += [
            (p, j.number, j.product, j.enrolled, j.source, j.record, j.key, j.dated_by) for j in decided.journeys
        ]
        outcomes += [("eap_dossier", record, outcome) for record, outcome in decided.dossiers]
        outcomes += [("patient", record, outcome) for record, outcome in decided.dates]
        conflicts += [(p, date.record, date.key, date.enrolled, decided.journeys[0].key) for date in decided.conflicts]
    context.fill(
        "w_eap",
        "p integer, number text, product text, enrolled date, source text, record integer, key uuid, dated_by uuid",
        journeys,
    )
    context.fill("w_eap_outcome", "tbl text, record integer, outcome text", outcomes)
    context.fill("w_eap_conflict", "p integer, record integer, key uuid, enrolled date, journey_key uuid", conflicts)
    # A number that another person has for the product already: the later dossier's gets a mark behind it.
    new = context.is_new("eap_journey", "eap_journey_id", "q.eap_journey_id")
    if not context.is_first:
        new += """
            AND NOT EXISTS (
                SELECT FROM public.eap_journey AS t JOIN public.patient AS a USING (patient_id)
                WHERE a.person_id = q.person_id AND t.product IS NOT DISTINCT FROM left(q.product, 200)
                AND (t.eap_number = q.eap_number OR q.eap_number IS NULL AND t.enrollment_date = q.enrolled))
        """
    context.table(
        "d_eap_journey",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT w.*, d.person_id, d.patient_id, d.condition,
                   w.number || CASE WHEN n.place > 1 THEN '#' || n.place ELSE '' END AS eap_number, n.place > 1 AS is_double,
                   CASE WHEN w.enrolled IS NULL THEN 'pending' ELSE 'active' END AS status,
                   legacy.derived_id(:epoch, 'eap_journey',
                       d.person_id || w.source || coalesce(w.product, '') || '|'
                       || coalesce(w.number, w.enrolled::text, w.key::text)) AS eap_journey_id
            FROM legacy.w_eap AS w JOIN legacy.d_patient AS d USING (p)
            LEFT JOIN (SELECT key, row_number() OVER (PARTITION BY product, number ORDER BY key) AS place
                       FROM legacy.w_eap WHERE number IS NOT NULL) AS n USING (key)
        ) AS q
        """,
    )
    # A journey without a number gets one of ours: the column is the reference people read. So does one whose number
    # is taken here already, or comes out like another's (a typed "#2", a cut at 100 characters).
    context.table(
        "w_eap_number",
        """
        SELECT q.eap_journey_id, q.number || CASE WHEN q.place > 1 OR EXISTS (
                   SELECT FROM public.eap_journey AS x WHERE x.eap_program_id IS NULL AND x.eap_number = q.number
                   AND x.product IS NOT DISTINCT FROM q.product) THEN '~' || left(q.key::text, 8) ELSE '' END AS number
        FROM (
            SELECT n.*, row_number() OVER (PARTITION BY n.product, n.number ORDER BY n.key) AS place
            FROM (SELECT eap_journey_id, left(product, 200) AS product, key,
                         left(coalesce(eap_number, 'LEGACY-' || upper(key::text)), 90) AS number
                  FROM legacy.d_eap_journey WHERE is_new) AS n
        ) AS q
        """,
    )
    context.fill(
        "w_eap_key",
        "eap_journey_id uuid, number text, number_scope text, eap_number_key text",
        (
            (key, number, key_of_name(product), key_of_number(number))
            for key, number, product in context.rows(
                "SELECT n.eap_journey_id, n.number, left(d.product, 200) FROM legacy.w_eap_number AS n"
                " JOIN legacy.d_eap_journey AS d USING (eap_journey_id)"
            )
        ),
    )
    # A number that is written otherwise than one that is here is loaded as it is written.
    context.table(
        "w_eap_double",
        """
        SELECT k.*, row_number() OVER (PARTITION BY number_scope, eap_number_key ORDER BY eap_journey_id) > 1 OR EXISTS (
                   SELECT FROM public.eap_journey AS x
                   WHERE x.number_scope = k.number_scope AND x.eap_number_key = k.eap_number_key AND NOT x.is_double
               ) AS is_double
        FROM legacy.w_eap_key AS k
        """,
    )
    with indexes_at_the_end(context, "eap_journey", context.count("w_eap_number")):
        context.insert(
            "eap_journey",
            "eap_journey_id, created_at, updated_at, patient_id, eap_number, product, medical_condition_id, enrollment_date,"
            " status, status_changed_at, number_scope, eap_number_key, is_double",
            """
            SELECT d.eap_journey_id, :now, :now, d.patient_id, n.number, left(d.product, 200), c.condition_id, d.enrolled,
                   CASE d.status WHEN 'active' THEN 'on_treatment' ELSE 'inquiry' END, :now, n.number_scope,
                   n.eap_number_key, n.is_double
            FROM legacy.d_eap_journey AS d JOIN legacy.w_eap_double AS n USING (eap_journey_id)
            JOIN legacy.d_condition AS c ON c.name = d.condition
            """,
        )
    context.lineage(
        "expanded access",
        """
        SELECT 'eap_journey', d.eap_journey_id, CASE d.source WHEN 'patient' THEN 'patient' ELSE 'eap_dossier' END, d.key,
               NULL::text[] FROM legacy.d_eap_journey AS d WHERE d.is_new
        UNION ALL
        SELECT 'eap_journey', d.eap_journey_id, 'patient', d.dated_by, ARRAY['enrollment_date']
        FROM legacy.d_eap_journey AS d WHERE d.is_new AND d.dated_by IS NOT NULL
        """,
    )
    context.stage(
        "other days of enrolment",
        """
        INSERT INTO legacy.d_suggestion (p, field, value, about, tbl, source_id)
        SELECT DISTINCT ON (c.p, c.enrolled) c.p, 'eap_enrollment_date', c.enrolled::text, j.eap_journey_id, 'patient', c.key
        FROM legacy.w_eap_conflict AS c JOIN legacy.d_eap_journey AS j ON j.key = c.journey_key
        ORDER BY c.p, c.enrolled, c.key
        """,
    )
    write_suggestions(context)
    context.outcomes("expanded access", "SELECT tbl, record, 'eap_journey', outcome, NULL FROM legacy.w_eap_outcome")
    context.warnings(
        "expanded access",
        """
        SELECT 'eap_dossier', record, unnest(warnings) FROM legacy.s_eap_dossier WHERE fault IS NULL AND warnings IS NOT NULL
        UNION ALL
        SELECT 'eap_dossier', record, 'DUPLICATE_EAP_NUMBER' FROM legacy.d_eap_journey WHERE is_double
        UNION ALL
        SELECT 'patient', record, 'EAP_WITHOUT_DOSSIER' FROM legacy.d_eap_journey WHERE source = 'patient'
        UNION ALL
        SELECT 'patient', record, 'EAP_DATE_CONFLICT' FROM legacy.w_eap_conflict
        """,
    )
