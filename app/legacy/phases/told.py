"""
What an export has said of a row of ours before this one.

The first has made the row, so its first version says it; what a later one has said otherwise stands in `legacy.told`. So
a change there is told from a value that was changed here.
"""

from app.people.birth_dates import written_sql


def value_sql(row: str, column: str) -> str:
    """SQL for a column of a row, as a suggestion has it in JSON."""
    return written_sql(row) if column == "date_of_birth" else f"{row}.{column}"


def held(target: str, key: str, column: str) -> str:
    """
    A query of a column of every row of a table: record_id, ours, version, before.

    `ours` is the value here, `before` what was last said of it, both as JSON and null where there is none.
    """
    told = f"FROM legacy.told AS s WHERE s.target_id = t.{key} AND s.field = '{column}'"
    return f"""
        SELECT t.{key} AS record_id, to_jsonb({value_sql("t", column)}) AS ours, t.version,
               CASE WHEN EXISTS (SELECT {told}) THEN (SELECT s.said {told} ORDER BY s.run_id DESC LIMIT 1)
                    WHEN t.version = 1 THEN to_jsonb({value_sql("t", column)})
                    ELSE to_jsonb({value_sql("f", column)}) END AS before
        FROM public.{target} AS t
        LEFT JOIN LATERAL (
            SELECT (jsonb_populate_record(NULL::public.{target}, h.row)).* FROM public.row_history AS h
            WHERE h.record_id = t.{key} AND h.version = 1 AND h.table_name = '{target}' AND t.version > 1
            ORDER BY h.row_history_id DESC LIMIT 1
        ) AS f ON true
    """
