"""
The conditions a new database starts with, read from data/conditions.toml.

The file is ours; every code in it is confirmed against its vocabulary by tests/conditions/test_seed_codes.py.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

ORPHA: Final = "http://www.orpha.net"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"


@dataclass(frozen=True, slots=True)
class SeedCode:
    """A code of a vocabulary; `map_type` says how its meaning lies to the condition's."""

    system: str
    code: str
    display: str
    map_type: str


@dataclass(frozen=True, slots=True)
class SeedCondition:
    """One condition of the list, with its other names and at least one code."""

    name: str
    abbreviation: str | None
    description: str
    synonyms: tuple[str, ...]
    codes: tuple[SeedCode, ...]


@cache
def seed_conditions() -> tuple[SeedCondition, ...]:
    """The list in the order of the file."""
    text = files("app.conditions").joinpath("data/conditions.toml").read_text(encoding="utf-8")
    return tuple(_condition(entry) for entry in tomllib.loads(text)["condition"])


def _condition(entry: dict[str, Any]) -> SeedCondition:
    return SeedCondition(
        name=entry["name"],
        abbreviation=entry.get("abbreviation"),
        description=entry["description"],
        synonyms=tuple(entry.get("synonyms", ())),
        codes=tuple(SeedCode(code["system"], code["code"], code["display"], code["map"]) for code in entry["codes"]),
    )
