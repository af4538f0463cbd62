"""
One record of the export as one row of staging: what its cells mean, and what was wrong with them.

Pure: cells in, values out, as text for COPY. Nothing here knows another record; what needs two (orphans, duplicates,
who is who) is decided in the database.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import md5
from typing import Any, Final

import orjson

from app.legacy import values
from app.legacy.contract import FREE_TEXT, TABLES, Frame, field_of, labels, rules, table_of
from app.legacy.identity import name_keys
from app.legacy.mapping import Mapping as MappingFile

Row = list[str | None]

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_LONGEST_MINUTES: Final = 6
_LONGEST_VERSION: Final = 18
_TRACKED: Final = {
    "contact": ("booking_date", "reminder_date", "no_show"),
    "patient": ("trial_id", "eligible", "ineligible_reason", "ct_referral_date", "ct_outcome"),
}

_COMMON: Final = (("record", "integer"), ("digest", "uuid"), ("fault", "text"), ("id", "uuid"))
_VERSION: Final = (("version", "bigint"), ("modified", "timestamptz"), ("born", "timestamptz"), ("owner", "uuid"))
_NAMED: Final = (
    ("first", "text"),
    ("last", "text"),
    ("key_a", "text"),
    ("key_b", "text"),
    ("given", "text"),
    ("family", "text"),
    ("emails", "text[]"),
    ("shown_emails", "text[]"),
)

COLUMNS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "systemuser": (*_COMMON, ("name", "text"), ("email", "text"), ("disabled", "boolean")),
    "medical_condition": (*_COMMON, ("name", "text"), ("abbreviation", "text")),
    "hospital": (*_COMMON, ("name", "text"), ("city", "text")),
    "specialization": (*_COMMON, ("name", "text")),
    "contact": (
        *_COMMON,
        *_VERSION,
        *_NAMED,
        ("blank", "boolean"),
        ("kind", "text"),
        ("condition", "text"),
        ("condition_given", "boolean"),
        ("booking", "timestamptz"),
        ("reminder", "timestamptz"),
        ("no_show", "boolean"),
        ("job_title", "text"),
        ("specialization", "uuid"),
        ("specialization_given", "boolean"),
        ("licence", "text"),
        ("hospital", "uuid"),
        ("hospital_given", "boolean"),
        ("active", "boolean"),
        ("merged", "boolean"),
        ("master", "uuid"),
        ("birth", "date"),
        ("country", "text"),
        ("phones", "text[]"),
        ("odd_phones", "text[]"),
        ("do_not_email", "boolean"),
        ("do_not_phone", "boolean"),
        ("warnings", "text[]"),
    ),
    "patient": (
        *_COMMON,
        *_VERSION,
        *_NAMED,
        ("blank", "boolean"),
        ("first_contact", "date"),
        ("initial_consult", "date"),
        ("condition", "uuid"),
        ("condition_given", "boolean"),
        ("trial", "text"),
        ("eligible", "text"),
        ("reason", "text"),
        ("referral", "date"),
        ("outcome", "text"),
        ("has_ct", "boolean"),
        ("eap_date", "date"),
        ("contact", "uuid"),
        ("physician", "uuid"),
        ("physician_given", "boolean"),
        ("active", "boolean"),
        ("warnings", "text[]"),
    ),
    "eap_dossier": (
        *_COMMON,
        ("number", "text"),
        ("patient", "uuid"),
        ("product", "text"),
        ("enrolled", "date"),
        ("warnings", "text[]"),
    ),
    "phonecall": (
        *_COMMON,
        ("about", "text"),
        ("about_id", "uuid"),
        ("booking", "timestamptz"),
        ("call", "timestamptz"),
        ("minutes", "integer"),
        ("direction", "text"),
        ("status", "text"),
        ("outcome", "text"),
        ("subject", "text"),
        ("notes", "text"),
        ("owner", "uuid"),
        ("warnings", "text[]"),
    ),
    "appointment": (
        *_COMMON,
        ("about", "text"),
        ("about_id", "uuid"),
        ("booking", "timestamptz"),
        ("until", "timestamptz"),
        ("status", "text"),
        ("subject", "text"),
        ("notes", "text"),
        ("owner", "uuid"),
    ),
    "audit": (
        *_COMMON,
        ("about", "text"),
        ("about_id", "uuid"),
        ("at", "timestamptz"),
        ("by", "uuid"),
        ("changes", "text"),
    ),
}
"""The columns of each staging table: what the cells of a record mean. The record as it came lies in s_<table>_raw."""


class Choices:
    """The options of one column: value or label (any case) to the labels of that value."""

    def __init__(self, options: list[dict[str, Any]], extra: Mapping[str, str]) -> None:
        self._labels: dict[str, list[str]] = {}
        self._value: dict[str, str] = {}
        # English first: the code tables are English.
        for option in sorted(options, key=lambda o: str(o.get("language")) != "1033"):
            label = str(option.get("label") or "").strip()
            if label:
                self._add(str(option.get("value")), label)
        for value, label in extra.items():
            self._add(value, label)

    def _add(self, value: str, label: str) -> None:
        self._labels.setdefault(value, []).append(label)
        self._value.setdefault(label.lower(), value)

    def labels(self, cell: str) -> list[str]:
        """The labels a cell means; none when its value has no label."""
        text = cell.strip()
        if text in self._labels:
            return self._labels[text]
        value = self._value.get(text.lower())
        return self._labels[value] if value is not None else []

    def value(self, cell: str) -> str:
        """The value a cell means: a label's value, else the cell itself."""
        text = cell.strip()
        return self._value.get(text.lower(), text)


class Reader:
    """Reads the records of one table; everything it needs to know is given once."""

    def __init__(
        self,
        table: str,
        frame: Frame,
        option_sets: Mapping[tuple[str, str], list[dict[str, Any]]],
        mapping: MappingFile | None = None,
    ) -> None:
        mapping = mapping or MappingFile()
        self.table = table
        self._fields = TABLES[table].fields
        self._tz = frame.time_zone
        self._today = frame.exported_at.astimezone(frame.zone).date().isoformat()
        self._wall_clock = {
            c for (t, c), behaviour in mapping.dates.items() if t == table and behaviour == "wall-clock"
        }
        self._choices = {
            (t, c): Choices(option_sets.get((t, c), []), mapping.options.get((t, c), {}))
            for t, columns in (
                ("contact", ("contact_type", "medical_condition", "statecode")),
                ("patient", ("eligible", "ct_outcome", "statecode")),
                ("eap_dossier", ("product",)),
                ("phonecall", ("call_outcome", "statecode")),
                ("appointment", ("statecode",)),
            )
            for c in columns
        }
        # A few values stand in thousands of cells.
        self._code = lru_cache(maxsize=256)(self._code_of)
        self._is_active = lru_cache(maxsize=16)(self._is_active_in)
        self._read: Callable[[dict[str, str], set[str]], Row] = getattr(self, f"_{table}")
        self._width = len(COLUMNS[table])
        self._empty = dict.fromkeys(self._fields, "")
        self._is_free = [name in FREE_TEXT for name in self._fields]

    def read(self, record: int, cells: list[str] | None, raw: str, *, repaired: bool = False) -> Row:
        """A staging row as COLUMNS has it; a record that cannot stand has its fault and nothing else."""
        head: Row = [str(record), digest_of(raw)]
        if cells is None:
            return self._faulty(head, "MALFORMED_RECORD")
        warnings: set[str] = {"ENCODING_REPAIRED"} if repaired else set()
        # Half of all cells are empty: they are not looked at one by one.
        cell_of = self._empty.copy()
        begins_a_value, all_printable = values.BEGINS_A_VALUE, "".join(cells).isprintable()
        for name, cell, is_free in zip(self._fields, cells, self._is_free, strict=True):
            if not cell:
                continue
            if not all_printable and not cell.isprintable():
                bare = _CONTROLS.sub("", cell)
                if bare != cell:
                    warnings.add("CONTROL_CHARS_REMOVED")
                cell = _SURROGATES.sub("\ufffd", bare)  # noqa: PLW2901  # the cell as it can be stored
            if is_free or cell[:1] in begins_a_value or not values.is_no_value(cell):
                cell_of[name] = cell
        key_cell = cell_of[TABLES[self.table].key]
        if not key_cell:
            return self._faulty(head, "MISSING_ID")
        key = values.guid(key_cell)
        if key is None:
            return self._faulty(head, "INVALID_ID")
        return [*head, None, key, *self._read(cell_of, warnings)]

    def _faulty(self, head: Row, fault: str) -> Row:
        return [*head, fault, *[None] * (self._width - len(head) - 1)]

    def _systemuser(self, cell: dict[str, str], _: set[str]) -> Row:
        found = values.emails(cell["internalemailaddress"])
        return [values.text(cell["fullname"]), next(iter(found.keys), None), _flag(cell["isdisabled"])]

    def _medical_condition(self, cell: dict[str, str], _: set[str]) -> Row:
        return [values.text(cell["name"]), values.text(cell["abbreviation"])]

    def _hospital(self, cell: dict[str, str], _: set[str]) -> Row:
        return [values.text(cell["name"]), values.text(cell["city"])]

    def _specialization(self, cell: dict[str, str], _: set[str]) -> Row:
        return [values.text(cell["name"])]

    def _contact(self, cell: dict[str, str], warnings: set[str]) -> Row:
        version = self._version(cell, warnings)
        first, last = self._name(cell, warnings)
        if not first or not last:
            warnings.add("NAME_INCOMPLETE")
        found = values.emails(cell["email"])
        warnings.update(found.problems)
        phones: list[str] = []
        odd_phones: list[str] = []
        country = values.text(cell["address1_country"])
        for column in ("telephone1", "mobilephone"):
            if typed := cell[column].strip():
                number = values.phone(typed, country)
                (phones if number else odd_phones).append(number or values.text(typed))
        if odd_phones:
            warnings.add("INVALID_PHONE")
        birth = values.birth_day(cell["birthdate"], self._today)
        if birth.problem:
            warnings.add(birth.problem)
        kind = self._code("contact", "contact_type", cell["contact_type"])
        if not kind:
            warnings.add("CONTACT_TYPE_UNKNOWN")
        conditions = self._labels("contact", "medical_condition", cell["medical_condition"])
        merged = values.flag(cell["merged"])
        master = cell["masterid"]
        return [
            *version,
            first,
            last,
            *name_keys(first, last),
            _array(found.keys),
            _array(found.shown),
            _bool(not (first or last or found.keys or phones or odd_phones)),
            kind or "patient-lead",
            "\n".join(conditions) if conditions else None,
            _bool(bool(cell["medical_condition"])),
            self._moment(cell, "booking_date", warnings),
            self._moment(cell, "reminder_date", warnings),
            _flag(cell["no_show"]),
            values.text(cell["job_title"]) or None,
            values.guid(cell["specialization"]),
            _bool(bool(cell["specialization"])),
            values.code_text(cell["medical_license_number"]) or None,
            values.guid(cell["hospital"]),
            _bool(bool(cell["hospital"])),
            _bool(not (merged or master) and self._is_active(cell["statecode"])),
            _bool(merged or bool(master)),
            values.guid(master),
            birth.value,
            country or None,
            _array(dict.fromkeys(phones)),
            _array(dict.fromkeys(odd_phones)),
            self._opt_out(cell["donotemail"], warnings),
            self._opt_out(cell["donotphone"], warnings),
            _array(sorted(warnings)),
        ]

    def _opt_out(self, cell: str, warnings: set[str]) -> str:
        """A wish not to be contacted: where nobody can tell what the cell says, it is one."""
        wished = values.opt_out(cell)
        if wished is None:
            warnings.add("OPTION_UNKNOWN")
        return _bool(wished is not False)

    def _patient(self, cell: dict[str, str], warnings: set[str]) -> Row:
        version = self._version(cell, warnings)
        first, last = self._name(cell, warnings)
        found = values.emails(cell["email"])
        warnings.update(found.problems)
        trial = values.trial_reference(cell["trial_id"])
        if trial.problem:
            warnings.add(trial.problem)
        eligible = self._coded(cell, "eligible", warnings)
        outcome = self._coded(cell, "ct_outcome", warnings)
        reason = cell["ineligible_reason"] if cell["ineligible_reason"].strip() else None
        referral = self._day(cell, "ct_referral_date", warnings)
        return [
            *version,
            first,
            last,
            *name_keys(first, last),
            _array(found.keys),
            _array(found.shown),
            _bool(not (first or last or found.keys)),
            self._day(cell, "first_contact_date", warnings),
            self._day(cell, "initial_consult_date", warnings),
            values.guid(cell["medical_condition"]),
            _bool(bool(cell["medical_condition"])),
            trial.value,
            eligible,
            reason,
            referral,
            outcome,
            _bool(bool(trial.value or referral or cell["eligible"] or cell["ct_outcome"] or reason)),
            self._day(cell, "eap_enrollment_date", warnings),
            values.guid(cell["contact_record"]),
            values.guid(cell["physician"]),
            _bool(bool(cell["physician"])),
            _bool(self._is_active(cell["statecode"])),
            _array(sorted(warnings)),
        ]

    def _eap_dossier(self, cell: dict[str, str], _: set[str]) -> Row:
        warnings: set[str] = set()
        number = values.code_text(cell["eap_number"])
        if not number:
            warnings.add("MISSING_EAP_NUMBER")
        labels = self._labels("eap_dossier", "product", cell["product"])
        if cell["product"] and not labels:
            warnings.add("OPTION_UNKNOWN")
        return [
            number or None,
            values.guid(cell["patient"]),
            values.text(labels[0]) if labels else None,
            self._day(cell, "eap_enrollment_date", warnings),
            _array(sorted(warnings)),
        ]

    def _phonecall(self, cell: dict[str, str], _: set[str]) -> Row:
        warnings: set[str] = set()
        about, about_id = self._about(cell, "regardingobjectid", "regardingobjecttypecode")
        outcome = self._coded(cell, "call_outcome", warnings)
        minutes = cell["actualdurationminutes"].strip()
        direction = cell["directioncode"]
        return [
            about,
            about_id,
            self._moment(cell, "scheduledstart", None),
            self._moment(cell, "actualstart", None),
            minutes if minutes.isascii() and minutes.isdigit() and len(minutes) <= _LONGEST_MINUTES else None,
            None if not direction else "outbound" if values.flag(direction) else "inbound",
            self._activity_status("phonecall", cell),
            outcome,
            cell["subject"],
            cell["description"],
            values.guid(cell["ownerid"]),
            _array(sorted(warnings)),
        ]

    def _appointment(self, cell: dict[str, str], _: set[str]) -> Row:
        about, about_id = self._about(cell, "regardingobjectid", "regardingobjecttypecode")
        return [
            about,
            about_id,
            self._moment(cell, "scheduledstart", None),
            self._moment(cell, "scheduledend", None),
            self._activity_status("appointment", cell),
            cell["subject"],
            cell["description"],
            values.guid(cell["ownerid"]),
        ]

    def _audit(self, cell: dict[str, str], _: set[str]) -> Row:
        about, about_id = self._about(cell, "objectid", "objecttypecode")
        at = self._moment(cell, "createdon", None)
        changes = self._changes(about or "", cell["changedata"])
        if at is None and changes is not None and changes != "untracked":
            changes = None
        return [about, about_id, at, values.guid(cell["userid"]), changes]

    def _changes(self, table: str, changedata: str) -> str | None:
        """
        The tracked changes as JSON {field: [old, new]}, `untracked` for none of ours, None when unreadable.

        A change that names no column at all is not untracked: it is a change of nothing.
        """
        tracked = _TRACKED.get(table, ())
        try:
            attributes = json.loads(changedata)["changedAttributes"]
            named = [(str(a["logicalName"]), a.get("oldValue"), a.get("newValue")) for a in attributes]
            found = {
                field: [self._audited(table, field, old), self._audited(table, field, new)]
                for name, old, new in named
                if tracked and (field := field_of(table, name)) in tracked
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if not tracked or (named and not found):
            return "untracked"
        return orjson.dumps(found).decode()

    def _audited(self, table: str, field: str, value: Any) -> str | None:
        """An old or new value of the audit as the column's own cell would be read; None when empty."""
        if value is None:
            return None
        cell = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", value if isinstance(value, str) else str(value)))
        if field == "ineligible_reason":
            return cell if cell.strip() else None
        if values.is_no_value(cell):
            return None
        if field in {"booking_date", "reminder_date"}:
            return values.moment(cell, self._tz).value
        if field == "ct_referral_date":
            return values.day(cell, self._tz).value
        if field == "trial_id":
            return values.trial_reference(cell).value
        if field == "no_show":
            return "true" if values.flag(cell) else "false"
        return self._code(table, field, cell) or None

    def _about(self, cell: dict[str, str], lookup: str, kind: str) -> Row:
        named = cell[kind].strip()
        return [table_of(named) or (named.lower() or None), values.guid(cell[lookup])]

    def _activity_status(self, table: str, cell: dict[str, str]) -> str:
        state = self._choices[table, "statecode"].value(cell["statecode"])
        return {"1": "completed", "2": "cancelled"}.get(labels().states.get(state.casefold(), state), "scheduled")

    def _version(self, cell: dict[str, str], warnings: set[str]) -> Row:
        number = cell["versionnumber"].strip()
        created = self._moment(cell, "createdon", warnings)
        return [
            number if number.isascii() and number.isdigit() and len(number) <= _LONGEST_VERSION else None,
            self._moment(cell, "modifiedon", warnings),
            self._moment(cell, "overriddencreatedon", warnings) or created,
            values.guid(cell["ownerid"]),
        ]

    def _name(self, cell: dict[str, str], warnings: set[str]) -> tuple[str, str]:
        parts = []
        for column in ("firstname", "lastname"):
            typed = cell[column]
            if not typed.isascii() and (meant := values.undo_double_encoding(typed)) is not None:
                warnings.add("MOJIBAKE_REPAIRED")
                typed = _CONTROLS.sub("", meant)
            parts.append(values.text(typed))
        return parts[0], parts[1]

    def _moment(self, cell: dict[str, str], column: str, warnings: set[str] | None) -> str | None:
        text = cell[column]
        if not text:
            return None
        if column in self._wall_clock:
            text = re.sub(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d(?:\.\d+)?)?Z$", r"\3/\2/\1 \4", text.strip())
        read = values.moment(text, self._tz)
        if read.problem and warnings is not None:
            warnings.add(read.problem)
        return read.value

    def _day(self, cell: dict[str, str], column: str, warnings: set[str]) -> str | None:
        text = cell[column]
        if not text:
            return None
        if column in self._wall_clock:
            text = text.strip()[:10]
        read = values.day(text, self._tz)
        if read.problem:
            warnings.add(read.problem)
        return read.value

    def _labels(self, table: str, column: str, cell: str) -> list[str]:
        return self._choices[table, column].labels(cell) if cell else []

    def _is_active_in(self, state: str) -> bool:
        """Whether a cell of the column statecode says active, or nothing."""
        meant = self._choices[self.table, "statecode"].value(state)
        return labels().states.get(meant.casefold(), meant) in {"", "0"}

    def _code_of(self, table: str, column: str, cell: str) -> str | None:
        """Our code for a choice; None when the cell is empty, has no label, or a label no code."""
        codes = rules().codes[column]
        labels = self._labels(table, column, cell) or ([cell.strip()] if cell else [])
        return next((codes[label.lower()] for label in labels if label.lower() in codes), None)

    def _coded(self, cell: dict[str, str], column: str, warnings: set[str]) -> str | None:
        code = self._code(self.table, column, cell[column])
        if cell[column] and code is None:
            warnings.add("OPTION_UNKNOWN")
        return code or None


def _bool(value: bool) -> str:  # noqa: FBT001  # the one meaning there is
    return "t" if value else "f"


def _flag(cell: str) -> str:
    return "t" if cell and values.flag(cell) else "f"


def _array(items: Any) -> str | None:
    """A PostgreSQL array literal; None when empty."""
    found = list(items)
    if not found:
        return None
    if len(found) == 1 and '"' not in found[0] and "\\" not in found[0]:
        return f'{{"{found[0]}"}}'
    return "{" + ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in found) + "}"


def digest_of(raw: str) -> str:
    """A hash of a record as it came."""
    return md5(raw.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def key_of(table: str, cells: list[str] | None) -> str | None:
    """The GUID of a record, None where it has none that can be read."""
    if cells is None:
        return None
    cell = _CONTROLS.sub("", cells[TABLES[table].fields.index(TABLES[table].key)])
    return None if values.is_no_value(cell) else values.guid(cell)


def storable(raw: str) -> str:
    """A record as it came, without what PostgreSQL's text cannot hold."""
    return raw if raw.isascii() else _SURROGATES.sub("\ufffd", raw)


def copy_line(row: Row) -> str:
    """A row in the text format of COPY."""
    # Hardly any row holds what COPY must not see bare; looking at all of it is cheaper than replacing in each value.
    together = "".join(filter(None, row))
    if together.isprintable() and "\\" not in together:
        return "\t".join(["\\N" if value is None else value for value in row]) + "\n"
    return "\t".join(["\\N" if value is None else _escaped(value) for value in row]) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
