"""
The ledger as a page and as JSON: what came in, what became of it, who ran it, with what, and whether it adds up.

The page is one HTML file without outside references (charts are inline SVG): the evidence an inspector asks for. It
quotes no contacts, and of names the initials alone; a record is `table#record`, its text stays in the ledger.
"""

from collections.abc import Iterable
from html import escape
from typing import Any, Final

import psycopg

from app.legacy.implausible import implausible_dates
from app.legacy.words import REASONS
from app.legacy.workload import MINUTES, examples, workload
from app.platform import clock

Connection = psycopg.Connection[Any]

_OUTCOMES: Final = ("created", "merged_into_existing", "linked", "skipped_by_rule", "rejected")
_COLOURS: Final = {
    "created": "#1b6e53",
    "merged_into_existing": "#3d7fb8",
    "linked": "#8a6fb3",
    "skipped_by_rule": "#b8a13d",
    "rejected": "#b3403d",
}
_MOST_ROWS: Final = 5_000
NOTICES: Final = {
    "OPT_OUT_TAKEN_OVER": "The old system has an opt-out that was not there before. It counts here as well.",
    "RECORD_MISSING": "A record of an earlier export is not in this one. What came of it stays here.",
    "NOT_GIVEN_ANY_MORE": "A record that has changed there has brought this row once and does no more. It stays here.",
    "NOT_SUGGESTED": "The value has changed there to one that cannot be taken over into ours.",
    "NO_DIFFERENCE_HERE": "The record has changed there in what makes no difference here.",
    "VALUE_CLEARED": "The value is empty there now. Ours stays.",
    "SUGGESTION_SETTLED": "The old system does not say any more what waited as a suggestion. The suggestion is settled.",
    "SUGGESTED_AGAIN": "The old system says again what was once accepted here, or settled. It waits to be decided anew.",
}
"""What a later export changes otherwise than by a suggestion: what each code of the ledger means."""


def collect(connection: Connection, run_id: int) -> dict[str, Any]:
    """Everything the report tells of a run, as plain JSON values."""
    run = connection.execute(
        "SELECT run_id, status, started_at, finished_at, source, mapping, shape, exported_at, time_zone, files, versions,"
        " started_by, is_first, unread, message FROM legacy.run WHERE run_id = %s",
        (run_id,),
    ).fetchone()
    if run is None:
        raise LookupError(run_id)
    names = [
        "run_id",
        "status",
        "started_at",
        "finished_at",
        "source",
        "mapping",
        "shape",
        "exported_at",
        "time_zone",
        "files",
        "versions",
        "started_by",
        "is_first",
        "unread",
        "message",
    ]
    return {
        "run": {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in zip(names, run, strict=True)
        },
        "closing": _closing(connection, run_id),
        "workload": workload(connection, run_id),
        "examples": examples(connection, run_id),
        "phases": _rows(
            connection,
            "SELECT phase, name, started_at::text AS started_at, seconds, rows_written, stages FROM legacy.phase"
            " WHERE run_id = %s ORDER BY phase",
            run_id,
        ),
        "records": dict(
            connection.execute(
                'SELECT "table", records FROM legacy.record_count WHERE run_id = %s ORDER BY "table"', (run_id,)
            ).fetchall()
        ),
        "outcomes": _rows(
            connection,
            'SELECT "table", unit, outcome, reason, count(*) AS records FROM legacy.outcome WHERE run_id = %s'
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            run_id,
        ),
        "warnings_by_code": _rows(
            connection,
            'SELECT "table", code, count(*) AS records FROM legacy.warning WHERE run_id = %s GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2',
            run_id,
        ),
        "warnings": _rows(
            connection,
            f'SELECT "table", record, code FROM legacy.warning WHERE run_id = %s ORDER BY 1, 3, 2 LIMIT {_MOST_ROWS}',
            run_id,
        ),
        "rejects": _rows(
            connection,
            'SELECT "table", record, unit, line, reason FROM legacy.reject WHERE run_id = %s'
            f" ORDER BY 1, 5, 2 LIMIT {_MOST_ROWS}",
            run_id,
        ),
        "notices_by_code": _notices(
            connection,
            'SELECT code, "table", field, count(*) AS records FROM legacy.notice WHERE run_id = %s'
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            run_id,
        ),
        "notices": _notices(
            connection,
            'SELECT code, "table", source_id::text, target, target_id::text, field FROM legacy.notice WHERE run_id = %s'
            f" ORDER BY 1, 2, 3, 4, 5, 6 LIMIT {_MOST_ROWS}",
            run_id,
        ),
        "implausible_dates": _rows(connection, implausible_dates(_MOST_ROWS, clock.now()), run_id),
        "written": _rows(
            connection,
            "SELECT target, count(DISTINCT target_id) AS rows FROM legacy.lineage WHERE run_id = %s"
            " AND target NOT LIKE 'alias:%%' GROUP BY 1 ORDER BY 1",
            run_id,
        ),
        "checks": _rows(
            connection,
            "SELECT name, expected, found, coalesce(expected = found, true) AS holds FROM legacy.check_result"
            " WHERE run_id = %s ORDER BY position",
            run_id,
        ),
    }


def _closing(connection: Connection, run_id: int) -> dict[str, Any] | None:
    """Who signed for this run and when, where the migration is closed with it."""
    if connection.execute("SELECT to_regclass('legacy.closing') IS NULL").fetchone() == (True,):
        return None
    signed = _rows(
        connection,
        "SELECT signed_by, closed_at::text AS closed_at, closed_by FROM legacy.closing"
        " WHERE run_id = %s AND reopened_at IS NULL",
        run_id,
    )
    return signed[0] if signed else None


def _notices(connection: Connection, query: str, run_id: int) -> list[dict[str, Any]]:
    """None where the ledger is of an earlier version."""
    if connection.execute("SELECT to_regclass('legacy.notice') IS NULL").fetchone() == (True,):
        return []
    return _rows(connection, query, run_id)


def _rows(connection: Connection, query: str, run_id: int) -> list[dict[str, Any]]:
    cursor = connection.execute(query, (run_id,))
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def as_html(data: dict[str, Any]) -> str:
    """The report as one HTML page."""
    run = data["run"]
    broken = [check for check in data["checks"] if not check["holds"]]
    verdict = (
        "Every check holds"
        if data["checks"] and not broken
        else f"{len(broken)} check(s) do not hold"
        if broken
        else "Not validated yet"
    )
    parts = [
        f"<h1>Legacy migration, run {run['run_id']}</h1>",
        f'<p class="verdict {"bad" if broken or not data["checks"] else "good"}">{escape(verdict)}.</p>',
        _facts(
            {
                "Source": run["source"],
                "Shape": run["shape"],
                "Exported at": f"{run['exported_at']} ({run['time_zone']})",
                "Run by": run["started_by"],
                "From / to": f"{run['started_at']} / {run['finished_at'] or '…'}",
                "Status": run["status"],
                "Versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
            }
        ),
        "<h2>In short</h2>",
        *_in_short(data["workload"]),
        *_signature(data["closing"]),
        "<h2>What came in, and what became of it</h2>",
        _outcome_chart(data),
        _table(("table", "unit", "outcome", "reason", "records"), data["outcomes"]),
        "<h2>The equation and the checks</h2>",
        _table(("name", "expected", "found", "holds"), data["checks"]),
        "<h2>Phases</h2>",
        _phase_chart(data["phases"]),
        _table(("phase", "name", "seconds", "rows_written"), data["phases"]),
        "<h2>Rows written</h2>",
        _table(("target", "rows"), data["written"]),
        "<h2>Why, in words</h2>",
        _table(("code", "what it means", "records", "such as"), _reasons(data)),
        "<h2>Rejected and skipped records</h2>",
        _table(("table", "record", "line", "unit", "reason"), data["rejects"]),
        "<h2>Warnings</h2>",
        _warning_chart(data["warnings_by_code"]),
        _table(("table", "code", "records"), data["warnings_by_code"]),
        "<details><summary>Every warning with its record</summary>",
        _table(("table", "record", "code"), data["warnings"]),
        "</details>",
        "<h2>What a later export says otherwise</h2>",
        "<p>What waits as a suggested change stands in the list of these, not here.</p>",
        _facts(
            {code: told for code, told in NOTICES.items() if any(n["code"] == code for n in data["notices_by_code"])}
        ),
        _table(("code", "table", "field", "records"), data["notices_by_code"]),
        "<details><summary>Every record</summary>",
        _table(("code", "table", "source_id", "target", "target_id", "field"), data["notices"]),
        "</details>",
        "<h2>Dates that cannot be</h2>",
        "<p>They are loaded as the contract says. An edit of such a field puts it right.</p>",
        _table(("target", "target_id", "field", "code"), data["implausible_dates"]),
        "<h2>Files</h2>",
        _table(
            ("name", "bytes", "sha256"),
            [dict(zip(("name", "bytes", "sha256"), fact, strict=True)) for fact in run["files"]],
        ),
        "<h2>Not read</h2>",
        _facts(
            {
                "Files": ", ".join(run["unread"].get("files", ())) or "none",
                **{f"Columns of {t}": ", ".join(c) for t, c in run["unread"].get("columns", {}).items()},
            }
        ),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Legacy migration, run {run['run_id']}</title><style>{_STYLE}</style></head><body><main>"
        + "\n".join(parts)
        + "</main></body></html>\n"
    )


def _in_short(work: dict[str, Any]) -> list[str]:
    """What management asks: people kept, records joined, what waits for somebody, and how long it takes."""
    open_pairs, open_suggestions = (
        f"{work[kind]:,} from this run, {work[f'open_{kind}']:,} still open" for kind in ("pairs", "suggestions")
    )
    return [
        _facts(
            {
                "Records read": f"{work['records']:,}",
                "People they are about": f"{work['people']:,}, of them {work['new_people']:,} new with this run",
                "Records joined to a person who has another": f"{work['joined_records']:,}",
                "Rows written by this run": f"{work['rows_written']:,}",
                "Rejected or skipped, kept whole": f"{work['rejects']:,}",
                "Pairs who may be one person": open_pairs,
                "Suggested values": open_suggestions,
                "Work for people": f"about {work['hours']:,} hours",
            }
        ),
        (
            f"<p>Reckoned with {MINUTES['pairs']:g} minutes a pair, {MINUTES['suggestions']:g} a suggested value and"
            f" {MINUTES['rejects']:g} a rejected or skipped record.</p>"
        ),
    ]


def _reasons(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Every code of the run in words, the most frequent first, with records that have it."""
    counts: dict[str, int] = {}
    for row in data["warnings_by_code"]:
        counts[row["code"]] = counts.get(row["code"], 0) + row["records"]
    for row in data["outcomes"]:
        if row["reason"]:
            counts[row["reason"]] = counts.get(row["reason"], 0) + row["records"]
    return [
        {
            "code": code,
            "what it means": REASONS.get(code, ""),
            "records": count,
            "such as": ", ".join(data["examples"].get(code, ())),
        }
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _signature(closing: dict[str, Any] | None) -> list[str]:
    """Who signed for the migration, or the lines on which somebody can."""
    if closing:
        return [
            "<h2>Signature</h2>",
            (
                f"<p>The migration is closed with this run. Signed for by {escape(closing['signed_by'])},"
                f" {escape(closing['closed_at'])} (entered by {escape(closing['closed_by'])}).</p>"
            ),
        ]
    lines = "".join(f'<dt>{what}</dt><dd class="line"></dd>' for what in ("Name and role", "Date", "Signature"))
    return ["<h2>Signature</h2>", f"<p>The migration is not closed with this run.</p><dl>{lines}</dl>"]


_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1d2430;background:#fff;margin:0}main{max-width:70rem;margin:0 auto;padding:2rem}"
    "h2{margin-top:2.5rem}table{border-collapse:collapse;margin:1rem 0;font-size:13px}"
    "th,td{text-align:left;padding:.25rem .75rem;border-bottom:1px solid #dde2ea;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.verdict{font-weight:600}.good{color:#1b6e53}.bad{color:#b3403d}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}"
    "svg{max-width:100%;height:auto}dd.line{border-bottom:1px solid #1d2430;min-width:20rem;min-height:1.75rem}"
    "@page{size:A4;margin:15mm}@media print{main{max-width:none;padding:0}body{font-size:10pt}thead{display:table-header-group}"
    "tr,svg,h2{break-inside:avoid}h2{break-after:avoid}*{print-color-adjust:exact}}"
)


def _facts(facts: dict[str, Any]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items()) + "</dl>"


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "<p>None.</p>"
    head = "".join(f'<th scope="col">{escape(column.replace("_", " "))}</th>' for column in columns)
    body = "".join("<tr>" + "".join(_cell(row[column]) for column in columns) + "</tr>" for row in rows)
    more = f"<p>The first {_MOST_ROWS:,}; all are in the ledger.</p>" if len(rows) == _MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, (int, float)):
        return f'<td class="n">{value:,.2f}</td>' if isinstance(value, float) else f'<td class="n">{value:,}</td>'
    return f"<td>{escape('' if value is None else str(value))}</td>"


def _outcome_chart(data: dict[str, Any]) -> str:
    """A bar for each table: its records by the outcome of the main unit."""
    from_units: dict[str, dict[str, int]] = {}
    mains = {
        "contact": "person",
        "patient": "patient",
        "eap_dossier": "eap_journey",
        "phonecall": "call",
        "appointment": "call",
        "audit": "change",
    }
    for row in data["outcomes"]:
        if row["unit"] == mains.get(row["table"], "row"):
            counts = from_units.setdefault(row["table"], {})
            counts[row["outcome"]] = counts.get(row["outcome"], 0) + row["records"]
    bars = []
    for table, counts in from_units.items():
        total = sum(counts.values()) or 1
        bars.append(
            (
                f"{table} ({total:,})",
                [(counts.get(o, 0) / total, _COLOURS[o], f"{o}: {counts.get(o, 0):,}") for o in _OUTCOMES],
            )
        )
    legend = " ".join(f'<tspan fill="{_COLOURS[o]}">■ {o.replace("_", " ")}</tspan>' for o in _OUTCOMES)
    return _bars(bars, "Outcomes of the records of each table", legend)


def _phase_chart(phases: list[dict[str, Any]]) -> str:
    longest = max((phase["seconds"] for phase in phases), default=0) or 1
    return _bars(
        [(f"{p['phase']} {p['name']}", [(p["seconds"] / longest, "#3d7fb8", f"{p['seconds']:.1f} s")]) for p in phases],
        "Seconds of each phase",
    )


def _warning_chart(warnings: list[dict[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for row in warnings:
        counts[row["code"]] = counts.get(row["code"], 0) + row["records"]
    most = max(counts.values(), default=0) or 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return _bars([(code, [(n / most, "#b8a13d", f"{n:,}")]) for code, n in ordered], "Records with each warning")


def _bars(bars: Iterable[tuple[str, list[tuple[float, str, str]]]], title: str, legend: str = "") -> str:
    """An SVG of horizontal bars: label and segments (share of the width, colour, what it says)."""
    left, width, step = 230, 560, 24
    drawn = []
    y = 22 if legend else 4
    for label, segments in bars:
        drawn.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>')
        x = float(left)
        for share, colour, says in segments:
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{max(share * width, 0):.1f}" height="18" fill="{colour}">'
                f"<title>{escape(says)}</title></rect>"
            )
            x += share * width
        y += step
    if legend:
        drawn.append(f'<text x="{left}" y="14">{legend}</text>')
    return (
        f'<svg viewBox="0 0 {left + width + 10} {y + 4}" role="img" aria-label="{escape(title)}" font-size="13"'
        f' font-family="system-ui,sans-serif">{"".join(drawn)}</svg>'
    )
