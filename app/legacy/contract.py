"""
What an export may hold: tables, columns, rules that are data.

Names here are logical: a file or column may carry a publisher's prefix (`myt_hospital`), `field_of` and `table_of`
take it off. The rules themselves (conditions, words for "no value", code tables) stand in data/rules.json, the words of
the old system's own pages in data/labels.json.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

IGNORE: Final = "ignore"
"""What a mapping file says of a column that is not to be read."""

_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{1,7}_(?=.)")

# Microsoft's own names for what the contract calls otherwise.
_ALIASES: Final = {
    "emailaddress1": "email",
    "jobtitle": "job_title",
    "medical_conditionid": "medical_conditonid",
    "eap_dossierid": "eap_dossier_id",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the export: its key column, the columns it must have, those it may have."""

    name: str
    key: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    must_exist: bool = True
    main_unit: str = "row"

    @property
    def fields(self) -> tuple[str, ...]:
        """Every column that is read, in the order in which a record's cells are handed on."""
        return self.required + self.optional


_VERSIONED = ("versionnumber", "createdon", "modifiedon", "overriddencreatedon", "ownerid")

TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "systemuser",
            "systemuserid",
            ("systemuserid",),
            ("fullname", "internalemailaddress", "isdisabled"),
            must_exist=False,
        ),
        Table("medical_condition", "medical_conditonid", ("medical_conditonid", "name", "abbreviation")),
        Table("hospital", "hospitalid", ("hospitalid", "name", "city")),
        Table("specialization", "specializationid", ("specializationid", "name")),
        Table(
            "contact",
            "contactid",
            (
                "contactid",
                "firstname",
                "lastname",
                "email",
                "contact_type",
                "medical_condition",
                "booking_date",
                "reminder_date",
                "no_show",
                "job_title",
                "specialization",
                "medical_license_number",
                "hospital",
            ),
            (
                "statecode",
                "statuscode",
                "merged",
                "masterid",
                "telephone1",
                "mobilephone",
                "birthdate",
                "address1_country",
                "donotemail",
                "donotphone",
                *_VERSIONED,
            ),
            main_unit="person",
        ),
        Table(
            "patient",
            "patientid",
            (
                "patientid",
                "firstname",
                "lastname",
                "email",
                "first_contact_date",
                "initial_consult_date",
                "medical_condition",
                "trial_id",
                "eligible",
                "ineligible_reason",
                "ct_referral_date",
                "eap_enrollment_date",
                "contact_record",
                "physician",
                "ct_outcome",
            ),
            ("statecode", *_VERSIONED),
            main_unit="patient",
        ),
        Table(
            "eap_dossier",
            "eap_dossier_id",
            ("eap_dossier_id", "eap_number", "patient", "product", "eap_enrollment_date"),
            main_unit="eap_journey",
        ),
        Table(
            "phonecall",
            "activityid",
            ("activityid",),
            (
                "regardingobjectid",
                "regardingobjecttypecode",
                "scheduledstart",
                "actualstart",
                "actualdurationminutes",
                "directioncode",
                "statecode",
                "call_outcome",
                "subject",
                "description",
                "ownerid",
            ),
            must_exist=False,
            main_unit="call",
        ),
        Table(
            "appointment",
            "activityid",
            ("activityid",),
            (
                "regardingobjectid",
                "regardingobjecttypecode",
                "scheduledstart",
                "scheduledend",
                "statecode",
                "subject",
                "description",
                "ownerid",
            ),
            must_exist=False,
            main_unit="call",
        ),
        Table(
            "audit",
            "auditid",
            ("auditid",),
            ("objecttypecode", "objectid", "action", "changedata", "userid", "createdon"),
            must_exist=False,
            main_unit="change",
        ),
    )
}
"""The tables in the order in which they are read."""

FREE_TEXT: Final = frozenset({"subject", "description", "ineligible_reason", "changedata"})
"""Columns whose words are kept unchanged, those for "no value" too."""

TYPE_OF_LOOKUP: Final = {"regardingobjectid": "regardingobjecttypecode", "objectid": "objecttypecode"}
"""Lookups to several tables, and the column that tells which."""


def table_of(name: str) -> str | None:
    """The table that a file or logical name means, exactly or behind a prefix; None when none."""
    return _known(name.strip().lower(), TABLES)


def table_of_entity_set(name: str) -> str | None:
    """The table that an entity set (a plural: `myt_eap_dossiers`) means; None when none."""
    plural = name.strip().lower()
    for ending, singular in (("ies", "y"), ("es", ""), ("s", "")):
        if plural.endswith(ending) and (table := table_of(plural.removesuffix(ending) + singular)):
            return table
    return None


def field_of(table: str, column: str) -> str | None:
    """The field of a table that a column means, exactly, as an alias, or behind a prefix; None when none."""
    fields = TABLES[table].fields
    name = column.strip().lower()
    found = _known(name, {**dict.fromkeys(fields), **_ALIASES})
    found = _ALIASES.get(found, found) if found else None
    return found if found in fields else None


def assign_columns(table: str, columns: list[str], named: Mapping[str, str] | None = None) -> dict[str, int]:
    """
    Field to position for a table's columns; a column that means nothing here is left out.

    Where two columns mean one field the exact name wins, then an alias, then the first behind a prefix. `named`
    is the mapping file's word for columns that the rules would not find.
    """
    best: dict[str, tuple[int, int]] = {}
    for position, column in enumerate(columns):
        name = column.strip().lower()
        chosen = (named or {}).get(name)
        if chosen == IGNORE:
            continue
        found = chosen or field_of(table, name)
        if found is None or found not in TABLES[table].fields:
            continue
        rank = 0 if chosen else 1 if name == found else 2 if _ALIASES.get(name) == found else 3
        best[found] = min(best.get(found, (rank, position)), (rank, position))
    return {name: position for name, (_, position) in best.items()}


def _known(name: str, names: Mapping[str, object]) -> str | None:
    if name in names:
        return name
    behind = _PREFIX.sub("", name, count=1) if _PREFIX.match(name) else name
    return behind if behind in names else None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition the rules know: its name, short form and other spellings."""

    name: str
    abbreviation: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The contract's rules that are data."""

    no_value_words: frozenset[str]
    no_value_dates: frozenset[str]
    placeholder_emails: frozenset[str]
    conditions: tuple[Condition, ...]
    unknown_condition: str
    codes: Mapping[str, Mapping[str, str]] = field(repr=False)
    time_zone: str = "Europe/Amsterdam"


@cache
def rules() -> Rules:
    """The rules as data/rules.json holds them."""
    data: dict[str, Any] = json.loads(files("app.legacy").joinpath("data/rules.json").read_text(encoding="utf-8"))
    return Rules(
        no_value_words=frozenset(word.casefold() for word in data["no_value_words"]),
        no_value_dates=frozenset(data["no_value_dates"]),
        placeholder_emails=frozenset(data["placeholder_emails"]),
        conditions=tuple(Condition(c["name"], c["abbreviation"], tuple(c["synonyms"])) for c in data["conditions"]),
        unknown_condition=data["unknown_condition"],
        codes=data["codes"],
        time_zone=data["time_zone"],
    )


@dataclass(frozen=True)
class Labels:
    """What views and choices call columns, yes and no, and states, in the languages of data/labels.json."""

    columns: Mapping[str, frozenset[str]]
    yes: frozenset[str]
    no: frozenset[str]
    states: Mapping[str, str]

    def field_of(self, table: str, label: str) -> str | None:
        """The field of a table that a heading means; None when it means none, or several."""
        found = [name for name in TABLES[table].fields if folded(label) in self.columns.get(name, ())]
        return found[0] if len(found) == 1 else None


def folded(label: str) -> str:
    """A label without case, with plain blanks and apostrophes: Excel writes those of the user's language."""
    return " ".join(label.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()).casefold()


@cache
def labels() -> Labels:
    """The labels as data/labels.json holds them."""
    data: dict[str, Any] = json.loads(files("app.legacy").joinpath("data/labels.json").read_text(encoding="utf-8"))
    return Labels(
        columns={
            name: frozenset(folded(label) for of_language in by_language.values() for label in of_language)
            for name, by_language in data["columns"].items()
        },
        yes=frozenset(data["yes"]),
        no=frozenset(data["no"]),
        states={word: code for code, words in data["states"].items() for word in words},
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """The time of an export: "now" of every rule, and the zone whose calendar days count."""

    exported_at: datetime
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose calendar days count."""
        return ZoneInfo(self.time_zone)

    @property
    def now(self) -> str:
        """`exported_at` as an ISO text in UTC."""
        return self.exported_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
