"""
What an export has said of a row of ours before this one.

The first has made the row, so its first version says it; what a later one has said otherwise stands in `legacy.told`. So
a change there is told from a value that was changed here.
"""


def first_version(target: str, key: str) -> str:
    """SQL that joins `f`: the first version of the row `t` of a table, where that is not the present one."""
    return f"""
        LEFT JOIN LATERAL (
            SELECT (jsonb_populate_record(NULL::public.{target}, h.row)).* FROM public.row_history AS h
            WHERE h.record_id = t.{key} AND h.version = 1 AND h.table_name = '{target}' AND t.version > 1
            ORDER BY h.row_history_id DESC LIMIT 1
        ) AS f ON true
    """


def said_before(key: str, field: str, value: str) -> str:
    """
    SQL for what was said of a field of `t`, as JSON; null where nothing was.

    `value` is the SQL of the field, with {t} for the row.
    """
    made = f"CASE WHEN t.version = 1 THEN to_jsonb({value.format(t='t')}) ELSE to_jsonb({value.format(t='f')}) END"
    return (
        f"nullif(CASE WHEN EXISTS (SELECT FROM legacy.told AS s WHERE s.target_id = t.{key} AND s.field = '{field}')"
        f" THEN (SELECT s.said FROM legacy.told AS s WHERE s.target_id = t.{key} AND s.field = '{field}'"
        f" ORDER BY s.run_id DESC LIMIT 1) ELSE {made} END, 'null')"
    )
