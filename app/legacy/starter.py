"""A starter of the mapping file: what an export holds, what was understood of it, what somebody must decide."""

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from app.legacy.conditions import Conditions
from app.legacy.contract import IGNORE, TABLES, folded, labels, rules
from app.legacy.mapping import Mapping
from app.legacy.records import Choices
from app.legacy.sources import survey

_ALIKE: Final = 0.7
"""From here on two headings are alike enough to be proposed."""


def write_starter(source: Path, output: Path, mapping: Mapping | None = None) -> None:
    """
    Write a mapping file with a comment wherever something was not understood, and a proposal where one can be made.

    It works where the export cannot be read yet: that is what it is for. What `mapping` says already stays said.
    """
    mapping = mapping or Mapping()
    export = survey(source, mapping)
    frame = export.frame
    lines = [
        "# How this export is read. Everything here is optional; a line without # counts.",
        *[f"# To be settled: {line}" for error in export.refused for line in str(error).splitlines()],
        f'exported_at = "{frame.now}"' if frame else '# exported_at = "2025-06-30T12:00:00Z"',
        f'time_zone = "{frame.time_zone}"' if frame else '# time_zone = "Europe/Amsterdam"',
        "",
        "[tables]",
        *[f"{_quoted(name)} = {_quoted(table)}" for name, table in mapping.tables.items()],
        *[f'# {_quoted(name)} = "contact"   # belongs to no table' for name in export.unread_files],
    ]
    for table, found in export.sources.items():
        said = mapping.columns.get(table, {})
        lines += ["", f"[columns.{table}]"]
        lines += [f"{_quoted(column)} = {_quoted(name)}" for column, name in said.items()]
        lines += [
            f"# {_quoted(column)} = {_quoted(name)}"
            for name, column in found.columns.items()
            if column.lower() not in said
        ]
        for column in found.ignored_columns:
            if column.lower() not in said:
                lines.append(f"# {_quoted(column)} = {_quoted(_proposal(table, column, found.columns))}   # not read")
    lines += ["", "# Values that have no label in optionsets.json:"]
    for (table, column), options in sorted(export.option_sets.items()):
        choices = Choices(options, {})
        lines.append(f"[options.{table}.{column}]")
        for option in options:
            value = str(option.get("value"))
            lines.append(f"# {_quoted(value)} = {_quoted((choices.labels(value) or [''])[0])}")
    lines += [
        "",
        '# Columns whose moments were sent with a Z but are wall-clock time: "contact.booking_date" = "wall-clock"',
        "[dates]",
        "",
        "# Texts that name a condition in words of this organisation:",
        "[conditions]",
    ]
    known = Conditions(rules().conditions)
    for option in export.option_sets.get(("contact", "medical_condition"), []):
        label = str(option.get("label") or "")
        if label and known.find(label) is None:
            lines.append(f'# {_quoted(label)} = ""   # unknown to the rules')
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _proposal(table: str, column: str, taken: Collection[str]) -> str:
    """The field that a heading is most alike, of those that no other column is; else to ignore it."""
    called = {folded(name.replace("_", " ")): name for name in TABLES[table].fields if name not in taken}
    called |= {label: name for name in called.values() for label in labels().columns.get(name, ())}
    alike = get_close_matches(folded(column.replace("_", " ")), called, n=1, cutoff=_ALIKE)
    return called[alike[0]] if alike else IGNORE


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
