"""
The rules of the migration as small tables: records in, what becomes of them.

Each case is a handful of records with names of one letter. All cases are written into one export and migrated in one run;
`test_spec.py` looks at each case's part of the result and prints the tables of docs/MIGRATION_GUIDE.md.

`~` in a cell stands for something of this case alone, so that cases do not meet: `anna@~` is an address nobody else has.
A cell that names another record (`contact_record: a`) becomes its GUID; `@gone` is a GUID of nobody.
"""

from dataclasses import dataclass, field
from typing import Any

REFERENCES = {
    "contact_record",
    "masterid",
    "physician",
    "patient",
    "regardingobjectid",
    "objectid",
    "hospital",
    "specialization",
}


@dataclass(frozen=True)
class Record:
    """A record of one table; cells by column name."""

    table: str
    cells: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """
    Records in, and what is asked of the result.

    `persons`: which records are one person, "a+b c". `outcomes`: "a.person" -> "created" or "rejected ORPHAN_…".
    `warnings`: record -> its codes. `review`: pairs of records whose persons are to be looked at. The others give rows of
    a result file by a record of their person, with the columns that matter.
    """

    rule: str
    title: str
    records: dict[str, Record]
    persons: str | None = None
    outcomes: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, set[str]] = field(default_factory=dict)
    review: set[str] | None = None
    facts: dict[str, dict[str, list[dict[str, str]]]] = field(default_factory=dict)


def contact(first: str = "", last: str = "", email: str = "", **cells: Any) -> Record:
    """A contact; a lead with Glioblastoma unless told."""
    return Record(
        "contact",
        {"firstname": first, "lastname": last, "email": email, "contact_type": "patient - lead",
         "medical_condition": "Glioblastoma", "statecode": "0", **cells},
    )  # fmt: skip


def patient(first: str = "", last: str = "", email: str = "", **cells: Any) -> Record:
    """A patient row."""
    return Record("patient", {"firstname": first, "lastname": last, "email": email, "statecode": "0", **cells})


def row(table: str, **cells: Any) -> Record:
    """A record of any other table."""
    return Record(table, cells)
