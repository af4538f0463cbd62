"""
A later export of the same system: what changed there since the last run becomes a suggested change here.

Nothing that is here is overwritten, whether people have edited it since or not. A record is changed when its text is
not the one that was last seen, when it is new, and when it is missing. Of the rows it tells of, each field is suggested
of which something else is said than before, and than ours: what was corrected here is not suggested back.
"""

from typing import Final, NamedTuple

from app.calls.states import CALL
from app.journeys.kinds import KINDS
from app.leads.states import LEAD
from app.legacy.contract import TABLES
from app.legacy.phases.context import Context
from app.legacy.phases.told import held
from app.patients.states import PATIENT
from app.platform.states import Machine


class Compared(NamedTuple):
    """
    A decision table and the table it went to: key, and our columns with the SQL of what the export says now.

    In the column's own type, since a suggestion holds it as JSON and is accepted by the rules of a PUT.
    """

    decided: str
    target: str
    key: str
    columns: dict[str, str]


_COMPARED: Final = (
    Compared(
        """
        (SELECT d.*, i.person_id, i.is_new, f.shown AS phone, c.code AS country, CASE WHEN NOT EXISTS (
             SELECT FROM public.person AS x WHERE x.email_key = d.email_key AND x.person_id <> i.person_id) THEN d.email
         END AS own_email
         FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p)
         LEFT JOIN legacy.w_person_phone AS f ON f.p = d.p LEFT JOIN legacy.w_person_country AS c ON c.p = d.p)
        """,
        "person",
        "person_id",
        {
            "first_name": "left(nullif(d.typed_first, ''), 100)",
            "last_name": "left(nullif(d.typed_last, ''), 100)",
            "date_of_birth": "d.date_of_birth::text",
            "email": "left(d.own_email, 255)",
            "phone": "left(d.phone, 64)",
            "country": "d.country",
            "is_active": "d.is_active",
        },
    ),
    Compared(
        """
        (SELECT d.*, NOT d.disabled AS is_active, CASE WHEN NOT EXISTS (
             SELECT FROM public.person AS x WHERE x.email_key = s.email AND x.person_id <> d.person_id) THEN s.email END AS own_email
         FROM legacy.d_navigator AS d JOIN legacy.s_systemuser AS s USING (record))
        """,
        "person",
        "person_id",
        {
            "first_name": "left(d.first_name, 100)",
            "last_name": "left(d.last_name, 100)",
            "email": "d.own_email",
            "is_active": "d.is_active",
        },
    ),
    Compared(
        "(SELECT d.*, c.condition_id FROM legacy.d_patient AS d LEFT JOIN legacy.d_condition AS c ON c.name = d.condition AND c.is_active)",
        "patient",
        "patient_id",
        {
            "medical_condition_id": "d.condition_id",
            "first_contact_date": "d.first_contact_date",
            "initial_consult_date": "d.initial_consult_date",
            "status": "d.status",
        },
    ),
    Compared(
        "(SELECT d.*, c.condition_id FROM legacy.d_lead AS d LEFT JOIN legacy.d_condition AS c ON c.name = d.condition AND c.is_active)",
        "patient_lead",
        "lead_id",
        {
            "medical_condition_id": "d.condition_id",
            "status": "CASE d.status WHEN 'lost' THEN 'disqualified' ELSE d.status END",
        },
    ),
    Compared(
        """
        (SELECT d.*, h.hospital_id, s.specialization_id FROM legacy.d_physician AS d
         LEFT JOIN legacy.d_hospital AS h ON h.id = d.hospital LEFT JOIN legacy.d_specialization AS s ON s.id = d.specialization)
        """,
        "physician",
        "physician_id",
        {
            "medical_license_number": "left(d.licence, 100)",
            "job_title": "left(d.job_title, 200)",
            "hospital_id": "d.hospital_id",
            "specialization_id": "d.specialization_id",
            "is_active": "d.is_active",
        },
    ),
    Compared(
        "legacy.d_call",
        "call_history",
        "call_id",
        {
            "status": "d.status",
            "reminder_date": "d.reminder",
            "direction": "coalesce(d.direction, 'outbound')",
            "outcome": "d.outcome",
            "call_duration_minutes": "d.minutes",
            "notes": "d.notes",
        },
    ),
    Compared(
        "legacy.d_ct_journey",
        "clinical_trial_journey",
        "ct_journey_id",
        {
            "status": "d.status",
            "eligible": "CASE d.eligible WHEN 'yes' THEN true WHEN 'no' THEN false END",
            "ineligible_reason": "CASE WHEN d.eligible IS DISTINCT FROM 'yes' THEN d.reason END",
        },
    ),
    Compared(
        "legacy.d_eap_journey",
        "eap_journey",
        "eap_journey_id",
        {
            "enrollment_date": "d.enrolled",
            "status": "CASE d.status WHEN 'active' THEN 'on_treatment' ELSE 'inquiry' END",
        },
    ),
)

_GIVEN: Final = {
    "patient_lead": "SELECT lead_id FROM legacy.d_lead",
    "patient": "SELECT patient_id FROM legacy.d_patient",
    "call_history": "SELECT call_id FROM legacy.d_call",
    "physician": "SELECT physician_id FROM legacy.d_physician",
    "patient_physician_relationship": "SELECT id FROM legacy.d_care",
    "clinical_trial_journey": "SELECT ct_journey_id FROM legacy.d_ct_journey",
    "eap_journey": "SELECT eap_journey_id FROM legacy.d_eap_journey",
    "contact_point": "SELECT contact_point_id FROM legacy.d_contact_point",
}
"""By the table: the rows of ours that this export gives."""


def _reachable(machine: Machine) -> dict[str, list[str]]:
    return {state: [to for to in machine.states if machine.may_move(state, to)] for state in machine.states}


def _any_from_open(machine: Machine) -> dict[str, list[str]]:
    """A journey is taken over as it stands there: which moves there were is not known."""
    return {state: [to for to in machine.states if to != state] for state in machine.states if machine.is_open(state)}


_MOVES: Final = {
    "patient_lead": _reachable(LEAD),
    "patient": _reachable(PATIENT),
    "call_history": _reachable(CALL),
    **{kind.name: _any_from_open(kind.moves.machine) for kind in KINDS},
}
"""By the table: from which status which others can be accepted."""
_OFFERED: Final = ", ".join(
    f"('{table}', '{state}', '{to}')"
    for table, moves in _MOVES.items()
    for state, targets in moves.items()
    for to in targets
)


def suggest_changes(context: Context) -> None:
    """Suggest what the changed records of a later export say otherwise; nothing on a first run."""
    if context.is_first:
        return
    unseen = " UNION ALL ".join(
        f"SELECT '{table}' AS source, s.id AS source_id, s.digest FROM legacy.s_{table} AS s WHERE s.fault IS NULL"
        for table in TABLES
    )
    context.table(
        "w_changed_record",
        f"""
        SELECT q.source, q.source_id FROM ({unseen}) AS q
        LEFT JOIN (SELECT DISTINCT ON (source, source_id) source, source_id, digest FROM legacy.seen
                   ORDER BY source, source_id, run_id DESC) AS s USING (source, source_id)
        WHERE s.digest IS DISTINCT FROM q.digest
        UNION ALL
        SELECT source, source_id FROM legacy.w_missing
        """,
    )
    # What is said of a person's lead, patient and physician rests on other records of theirs too; a lead is converted by
    # the patient row of somebody else as well.
    context.table(
        "w_changed_target",
        """
        WITH changed AS (
            SELECT DISTINCT replace(l.target, 'alias:', '') AS target, l.target_id FROM legacy.lineage AS l
            JOIN legacy.w_changed_record AS c USING (source, source_id)
        ), people AS (
            SELECT i.p, i.person_id FROM changed AS c JOIN legacy.d_person_id AS i ON i.person_id = c.target_id
            WHERE c.target = 'person'
        )
        SELECT * FROM changed
        UNION SELECT 'patient', d.patient_id FROM legacy.d_patient AS d JOIN people USING (p)
        UNION SELECT 'physician', d.physician_id FROM legacy.d_physician AS d JOIN people USING (p)
        UNION SELECT 'patient_lead', d.lead_id FROM legacy.d_lead AS d JOIN people USING (p)
        UNION SELECT 'patient_lead', d.lead_id FROM legacy.d_lead AS d JOIN public.patient_lead AS t USING (lead_id)
        WHERE d.status = 'converted' AND t.status <> 'converted'
        """,
    )
    context.analyze("w_changed_target")
    _find_not_given(context)
    parts = [
        f"""
        SELECT d.person_id, '{compared.target}' AS table_name, h.record_id, '{column}' AS our_field, h.ours, h.version,
               to_jsonb({theirs}) AS theirs, h.before
        FROM {compared.decided} AS d
        JOIN ({held(compared.target, compared.key, column)}) AS h ON h.record_id = d.{compared.key}
        JOIN legacy.w_changed_target AS w ON w.target = '{compared.target}' AND w.target_id = h.record_id
        WHERE NOT d.is_new
        """
        for compared in _COMPARED
        for column, theirs in compared.columns.items()
    ]
    # A booking ahead that is not there any more was cancelled, or moved to another time, which is a call of its own here.
    parts.append(
        f"""
        SELECT t.person_id, 'call_history', h.record_id, 'status', h.ours, h.version, to_jsonb('cancelled'::text), h.before
        FROM legacy.w_not_given AS w JOIN ({held("call_history", "call_id", "status")}) AS h ON h.record_id = w.target_id
        JOIN public.call_history AS t ON t.call_id = h.record_id
        WHERE w.target = 'call_history' AND t.booking_date > :now
        """
    )
    # Two journeys that an export takes for one here may say two things of it.
    context.table(
        "w_said",
        f"""
        SELECT DISTINCT ON (q.record_id, q.our_field) q.*,
               encode(sha256(convert_to(q.theirs::text, 'UTF8')), 'hex') AS value_hash,
               legacy.derived_id(:epoch, 'suggested_change', q.record_id || q.our_field || q.theirs::text) AS id
        FROM ({" UNION ALL ".join(parts)}) AS q WHERE q.theirs IS DISTINCT FROM q.before
        ORDER BY q.record_id, q.our_field, q.theirs::text
        """,
    )
    # What cannot be accepted is listed, not suggested.
    context.table(
        "w_change",
        f"""
        SELECT w.* FROM legacy.w_said AS w WHERE w.theirs IS NOT NULL AND w.theirs IS DISTINCT FROM w.ours
            AND (w.our_field <> 'status' OR (w.table_name, w.ours #>> '{{}}', w.theirs #>> '{{}}') IN ({_OFFERED}))
            AND (w.our_field <> 'phone' OR w.theirs #>> '{{}}' LIKE '+%')
            AND (w.table_name <> 'patient_lead' OR w.theirs <> '"converted"' OR EXISTS (
                SELECT FROM public.patient AS x WHERE x.person_id = w.person_id AND x.deleted_at IS NULL))
        """,
    )
    context.table(
        "w_new_change",
        "SELECT w.* FROM legacy.w_change AS w WHERE"
        f" {context.is_new('suggested_change', 'suggested_change_id', 'w.id')}"
        " AND NOT EXISTS (SELECT FROM public.suggested_change AS x WHERE x.record_id = w.record_id"
        " AND x.field = w.our_field AND x.value_hash = w.value_hash)",
    )
    context.insert(
        "suggested_change",
        "suggested_change_id, created_at, updated_at, person_id, table_name, record_id, field, ours, ours_version, theirs,"
        " value_hash, source",
        "SELECT id, :now, :now, person_id, table_name, record_id, our_field, ours, version, theirs, value_hash, 'import'"
        " FROM legacy.w_new_change",
    )
    source = (
        "LEFT JOIN LATERAL (SELECT l.source, l.source_id FROM legacy.lineage AS l"
        " JOIN legacy.w_changed_record AS c USING (source, source_id) WHERE l.target_id = w.record_id"
        " ORDER BY l.source, l.source_id LIMIT 1) AS l ON true"
    )
    context.lineage(
        "changes",
        "SELECT 'suggested_change', w.id, coalesce(l.source, 'contact'), l.source_id, ARRAY[w.our_field]"
        f" FROM legacy.w_new_change AS w {source}",
    )
    _suggest_again(context, source)
    _settle_what_is_not_said_any_more(context, source)
    context.notices(
        "what cannot be suggested",
        f"""
        SELECT CASE WHEN w.theirs IS NULL THEN 'VALUE_CLEARED' ELSE 'NOT_SUGGESTED' END, coalesce(l.source, 'contact'),
               l.source_id, w.table_name, w.record_id, w.our_field
        FROM legacy.w_said AS w {source} WHERE w.theirs IS DISTINCT FROM w.ours
            AND NOT EXISTS (SELECT FROM legacy.w_change AS c WHERE (c.record_id, c.our_field) = (w.record_id, w.our_field))
        """,
    )
    _list_the_rest(context)
    context.stage(
        "what is said of fields",
        "INSERT INTO legacy.told SELECT :run, record_id, our_field, theirs FROM legacy.w_said",
    )


def _find_not_given(context: Context) -> None:
    """List the rows that a changed record has given once and gives no more; they stay here as they are."""
    given = " UNION ALL ".join(
        f"SELECT '{table}' AS target, q.* FROM ({query}) AS q(target_id)" for table, query in _GIVEN.items()
    )
    context.table(
        "w_not_given",
        f"""
        SELECT DISTINCT ON (l.target, l.target_id) l.target, l.target_id, l.source, l.source_id
        FROM legacy.lineage AS l JOIN legacy.w_changed_record AS c USING (source, source_id)
        LEFT JOIN ({given}) AS g USING (target, target_id)
        WHERE g.target_id IS NULL AND l.run_id < :run AND l.target IN ({", ".join(f"'{table}'" for table in _GIVEN)})
            AND NOT EXISTS (SELECT FROM legacy.w_missing AS m WHERE (m.source, m.source_id) = (l.source, l.source_id))
        ORDER BY l.target, l.target_id, l.source, l.source_id
        """,
    )
    context.notices(
        "rows that are given no more",
        "SELECT 'NOT_GIVEN_ANY_MORE', source, source_id, target, target_id, NULL::text FROM legacy.w_not_given",
    )


def _list_the_rest(context: Context) -> None:
    """List the records that have changed there and changed nothing here: so no change goes by without a word."""
    context.notices(
        "changes of no effect",
        """
        SELECT 'NO_DIFFERENCE_HERE', w.source, w.source_id, NULL::text, NULL::uuid, NULL::text
        FROM legacy.w_changed_record AS w
        WHERE EXISTS (SELECT FROM legacy.seen AS s WHERE (s.source, s.source_id) = (w.source, w.source_id))
            AND NOT EXISTS (SELECT FROM legacy.notice AS n
                            WHERE n.run_id = :run AND (n."table", n.source_id) = (w.source, w.source_id))
            AND NOT EXISTS (SELECT FROM public.migrated_row AS m JOIN legacy.lineage AS l ON l.target_id = m.record_id
                            WHERE m.run_id = :run AND l.run_id = :run AND (l.source, l.source_id) = (w.source, w.source_id))
        """,
    )


def _suggest_again(context: Context, source: str) -> None:
    """Open what was suggested once and is said anew, where it was not rejected."""
    context.notices(
        "suggested again",
        f"""
        SELECT 'SUGGESTED_AGAIN', coalesce(l.source, 'contact'), l.source_id, w.table_name, w.record_id, w.our_field
        FROM legacy.w_change AS w JOIN public.suggested_change AS x ON x.record_id = w.record_id AND x.field = w.our_field
            AND x.value_hash = w.value_hash AND x.decision IN ('accepted', 'superseded') {source}
        """,
    )
    context.connection.execute("SELECT set_config('crm.reason', %s, true)", (f"legacy run {context.run_id}",))
    context.written += context.stage(
        "suggested again",
        """
        UPDATE public.suggested_change AS x SET decision = 'open', decided_at = NULL, decided_by = NULL, reason = NULL,
            ours = w.ours, ours_version = w.version, updated_by = NULL
        FROM legacy.w_change AS w WHERE x.record_id = w.record_id AND x.field = w.our_field
            AND x.value_hash = w.value_hash AND x.decision IN ('accepted', 'superseded')
        """,
    )
    context.connection.execute("SELECT set_config('crm.reason', '', true)")


def _settle_what_is_not_said_any_more(context: Context, source: str) -> None:
    """Settle what waits as a suggestion and is what the old system said before: it says something else now, or our value."""
    context.table(
        "w_not_said",
        """
        SELECT x.suggested_change_id, w.table_name, w.record_id, w.our_field FROM legacy.w_said AS w
        JOIN public.suggested_change AS x ON x.record_id = w.record_id AND x.field = w.our_field AND x.theirs = w.before
        WHERE x.decision = 'open' AND x.source = 'import'
            -- Another record of the same person may still say it.
            AND NOT EXISTS (SELECT FROM legacy.w_suggested AS s WHERE (s.record_id, s.our_field, s.value_hash)
                                                                    = (x.record_id, x.field, x.value_hash))
        """,
    )
    context.notices(
        "not said any more",
        "SELECT 'SUGGESTION_SETTLED', coalesce(l.source, 'contact'), l.source_id, w.table_name, w.record_id, w.our_field"
        f" FROM legacy.w_not_said AS w {source}",
    )
    context.connection.execute("SELECT set_config('crm.reason', %s, true)", (f"legacy run {context.run_id}",))
    context.written += context.stage(
        "not said any more",
        "UPDATE public.suggested_change AS x SET decision = 'superseded', decided_at = clock_timestamp(), updated_by = NULL"
        " FROM legacy.w_not_said AS w WHERE w.suggested_change_id = x.suggested_change_id",
    )
    context.connection.execute("SELECT set_config('crm.reason', '', true)")


_MAIN: Final = {
    "contact": "person",
    "patient": "patient",
    "eap_dossier": "eap_journey",
    "phonecall": "call_history",
    "appointment": "call_history",
    "systemuser": "person",
}
"""By the table of the export: the row of ours that its record is looked up by."""


def list_missing(context: Context) -> None:
    """List the records that an earlier export had and this one has not. What came of them stays here."""
    if context.is_first:
        return
    staged = " UNION ALL ".join(
        f"SELECT '{table}' AS source, s.id AS source_id FROM legacy.s_{table} AS s WHERE s.id IS NOT NULL"
        for table in TABLES
    )
    context.table(
        "w_missing",
        f"""
        SELECT q.source, q.source_id FROM (SELECT DISTINCT source, source_id FROM legacy.seen) AS q
        LEFT JOIN ({staged}) AS s USING (source, source_id) WHERE s.source IS NULL
        """,
    )
    mains = ", ".join(f"('{table}', '{target}')" for table, target in _MAIN.items())
    context.notices(
        "missing records",
        f"""
        SELECT 'RECORD_MISSING', w.source, w.source_id, l.target, l.target_id, NULL::text FROM legacy.w_missing AS w
        LEFT JOIN (VALUES {mains}) AS m(source, target) ON m.source = w.source
        LEFT JOIN LATERAL (
            SELECT replace(l.target, 'alias:', '') AS target, l.target_id FROM legacy.lineage AS l
            WHERE l.source = w.source AND l.source_id = w.source_id
            ORDER BY replace(l.target, 'alias:', '') = m.target DESC NULLS LAST, l.run_id, l.target, l.target_id LIMIT 1
        ) AS l ON true
        """,
    )


def remember(context: Context) -> None:
    """Keep a digest of every record's text, so that a later export's changes are seen."""
    seen = " UNION ALL ".join(
        f"SELECT '{table}' AS source, s.id, s.digest FROM legacy.s_{table} AS s WHERE s.fault IS NULL"
        for table in TABLES
    )
    known = (
        ""
        if context.is_first
        else (
            " WHERE NOT EXISTS (SELECT FROM (SELECT DISTINCT ON (source, source_id) source, source_id, digest FROM legacy.seen"
            " ORDER BY source, source_id, run_id DESC) AS k WHERE (k.source, k.source_id, k.digest) = (q.source, q.id, q.digest))"
        )
    )
    context.stage(
        "remember the records",
        f"INSERT INTO legacy.seen (run_id, source, source_id, digest) SELECT :run, q.* FROM ({seen}) AS q{known}",
    )
