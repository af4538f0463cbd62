"""Time zones by their IANA names: the ones that are in use, and their earlier names."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files

from app.platform import clock
from app.platform.faults import Fault, fault


def is_zone(name: str) -> bool:
    """Whether this is a zone of IANA, or an earlier name of one."""
    return name in _names()


def zones_in_use() -> list[str]:
    """The names that are offered, sorted."""
    return sorted(_in_use())


def canonical_zone(name: str) -> str:
    """The name in use of a zone that was renamed (`Europe/Kiev`), else the name itself."""
    links = _links()
    while name not in _in_use() and name in links:
        name = links[name]
    return name


def offset_faults(field: str, moment: datetime | None, zone_field: str, time_zone: str | None) -> list[Fault]:
    """
    Whether a moment, as it was sent, means another one by its offset than by the clock of the zone that is named.

    UTC (`Z`) names the moment and says nothing of a place; a stored zone that is not known says nothing of a clock.
    """
    if moment is None or not moment.utcoffset() or time_zone is None or not is_zone(time_zone):
        return []
    zone = clock.zone_named(time_zone)
    there = moment.astimezone(zone)
    if there.utcoffset() == moment.utcoffset():
        return []
    message = (
        f"By its offset this is {there.isoformat()} in the named zone; on the clock there it is "
        f"{moment.replace(tzinfo=zone).isoformat()}. Send the one that is meant."
    )
    return [fault(field, "offset_disagrees_with_zone", message, with_={zone_field})]


@cache
def _lines() -> list[list[str]]:
    return [line.split() for line in files("tzdata.zoneinfo").joinpath("tzdata.zi").read_text().splitlines()]


@cache
def _links() -> Mapping[str, str]:
    return {line[2]: line[1] for line in _lines() if line[0] == "L"}


@cache
def _names() -> frozenset[str]:
    # Factory is the clock of a machine that nobody has set.
    return frozenset(_links()) | {line[1] for line in _lines() if line[0] == "Z"} - {"Factory"}


@cache
def _in_use() -> frozenset[str]:
    """The zones of countries: some are links too, to another that has kept the same time since 1970."""
    rows = files("tzdata.zoneinfo").joinpath("zone.tab").read_text().splitlines()
    return frozenset(row.split("\t")[2] for row in rows if not row.startswith("#"))
