"""A starter of the mapping file: what an export holds, what was understood of it, what somebody must decide."""

from pathlib import Path

from app.legacy.conditions import Conditions
from app.legacy.contract import rules
from app.legacy.records import Choices
from app.legacy.sources import open_export


def write_starter(source: Path, output: Path) -> None:
    """Write a mapping file that changes nothing, with a comment wherever something was not understood."""
    export = open_export(source)
    lines = [
        "# How this export is read. Everything here is optional; a line without # counts.",
        f'exported_at = "{export.frame.now}"',
        f'time_zone = "{export.frame.time_zone}"',
        "",
        "[tables]",
        *[f'# "{name}" = "contact"   # belongs to no table' for name in export.unread_files],
    ]
    for table, found in export.sources.items():
        lines += ["", f"[columns.{table}]"]
        lines += [f"# {_quoted(column)} = {_quoted(name)}" for name, column in found.columns.items()]
        lines += [f'# {_quoted(column)} = ""   # not read' for column in found.ignored_columns]
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


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
