"""
Check the locked dependencies against a stored snapshot of advisories, without a network.

    python -m tools.advisories SNAPSHOT [LOCK ...]

SNAPSHOT is a folder of OSV records as JSON (the export for PyPI, unpacked). LOCK is every lock of the project unless
told. Exit codes: 0 nothing known, 1 known holes (each on a line), 2 nothing could be audited: an empty or unreadable
snapshot is never a green answer.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
FOUND, NOTHING_AUDITED = 1, 2


@dataclass(frozen=True, order=True)
class Hole:
    """A locked package that an advisory names."""

    package: str
    version: str
    advisory: str


def locked(locks: Iterable[Path]) -> dict[str, set[str]]:
    """Package to versions, of all pins in these requirements files: a lock may pin one for each version of Python."""
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for lock in locks:
        for name, version in _PINNED.findall(lock.read_text(encoding="utf-8")):
            versions[canonicalize_name(name)].add(version)
    return dict(versions)


def advisories(snapshot: Path) -> Iterator[dict[str, Any]]:
    """The records of the snapshot that still stand."""
    for path in sorted(snapshot.rglob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if not record.get("withdrawn"):
            yield record


def holes(packages: dict[str, set[str]], records: Iterable[dict[str, Any]]) -> tuple[list[Hole], int]:
    """The locked packages that records name in an affected version, and the number of records read."""
    found, read = set(), 0
    for record in records:
        read += 1
        for affected in record.get("affected", []):
            name = canonicalize_name(affected.get("package", {}).get("name", ""))
            if affected.get("package", {}).get("ecosystem") != "PyPI":
                continue
            for version in packages.get(name, ()):
                if version in affected.get("versions", []) or any(
                    _in_range(version, r) for r in affected.get("ranges", []) if r.get("type") == "ECOSYSTEM"
                ):
                    found.add(Hole(name, version, record["id"]))
    return sorted(found), read


def _in_range(version: str, described: dict[str, Any]) -> bool:
    """Whether the version lies in an OSV range: introduced, fixed and last_affected events in order."""
    try:
        ours, inside = Version(version), False
        for event in described.get("events", []):
            if "introduced" in event:
                inside = inside or event["introduced"] == "0" or Version(event["introduced"]) <= ours
            elif "fixed" in event:
                inside = inside and ours < Version(event["fixed"])
            elif "last_affected" in event:
                inside = inside and ours <= Version(event["last_affected"])
    except InvalidVersion:
        # A range that cannot be read is shown rather than passed over: somebody looks at it.
        return True
    return inside


def main(arguments: list[str]) -> int:
    if not arguments:
        sys.stderr.write(__doc__ or "")
        return NOTHING_AUDITED
    snapshot, *named = map(Path, arguments)
    if not any(snapshot.rglob("*.json")):
        sys.stderr.write(
            f"There is no snapshot of advisories in {snapshot}, so nothing was audited: unpack OSV's export for PyPI "
            "there, or name its folder (make audit ADVISORIES=DIR).\n"
        )
        return NOTHING_AUDITED
    packages = locked(named or [Path("requirements.txt"), *Path("requirements").glob("*.txt")])
    found, read = holes(packages, advisories(snapshot))
    for hole in found:
        print(f"{hole.package} {hole.version}: {hole.advisory}")
    audited = len(packages) if read else 0
    print(f"{audited} of {len(packages)} packages audited against {read} advisories, {len(found)} known holes")
    if not audited:
        return NOTHING_AUDITED
    return FOUND if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
