"""
What a build consists of and where it comes from: a bill of materials (CycloneDX 1.6) and a statement of provenance
(in-toto, SLSA v1), both as JSON.

    python -m tools.sbom SITE_PACKAGES WHEEL

SITE_PACKAGES is a folder in which the locked packages are installed: their licences are read there. WHEEL was built
from this checkout; beside it are written `sbom.cdx.json` and `provenance.json`. Neither is signed: who publishes signs.
Exit code 2, with a sentence, when the checkout holds changes that no commit holds.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.txt"
EXTRAS_LOCK = ROOT / "requirements" / "parquet.txt"
FRONTEND_LOCK = ROOT / "frontend" / "package-lock.json"
MATERIALS = (
    LOCK,
    EXTRAS_LOCK,
    ROOT / "requirements" / "dev.txt",
    ROOT / "requirements" / "bootstrap.txt",
    FRONTEND_LOCK,
)
"""What decides, beside the commit, which packages a build takes."""
BUILD = "urn:mytomorrows-crm:build:wheel:v1"

_PINNED = re.compile(
    r"^([\w.-]+)(?:\[[^]]*\])?==([^ ;\\]+)(?: *; *([^\\\n]+?))? *\\?\n((?: +--hash=\S+.*\n?)+)", re.MULTILINE
)
_HASH = re.compile(r"--hash=sha256:(\w+)")
_ALGORITHMS = {"sha1": HashAlgorithm.SHA_1, "sha512": HashAlgorithm.SHA_512}
_REFUSED = 2


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:  # noqa: PLR2004 - the two of the usage
        sys.stderr.write(f"{__doc__}\n")
        return _REFUSED
    site_packages, wheel = map(Path, arguments)
    if changed := _git("status", "--porcelain"):
        sys.stderr.write(f"No commit holds what was built; commit or remove first:\n{changed}\n")
        return _REFUSED
    written = {
        wheel.parent / "sbom.cdx.json": bill_of_materials(site_packages, wheel),
        wheel.parent / "provenance.json": json.dumps(provenance(wheel), indent=2) + "\n",
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
        print(path)
    return 0


def bill_of_materials(site_packages: Path, wheel: Path) -> str:
    """Every package that an installation of the wheel may hold, as CycloneDX JSON that its own schema takes."""
    name, version = wheel.name.split("-")[:2]
    product = Component(
        type=ComponentType.APPLICATION,
        name=name.replace("_", "-"),
        version=version,
        bom_ref="product",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_sha256(wheel))],
    )
    bom = Bom(components=[*python_packages(site_packages), *frontend_packages()])
    bom.metadata.component = product
    bom.register_dependency(product, bom.components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of materials is not CycloneDX 1.6: {error.data.message}")
    return text


def python_packages(site_packages: Path) -> Iterator[Component]:
    """
    What requirements.txt pins, and as optional what the extra adds. A package that one platform alone takes says so in
    `crm:marker`.
    """
    installed = {_normal(each.name): each for each in distributions(path=[str(site_packages)])}
    required = _PINNED.findall(LOCK.read_text(encoding="utf-8"))
    optional = [pin for pin in _PINNED.findall(EXTRAS_LOCK.read_text(encoding="utf-8")) if pin not in required]
    for name, version, marker, hashes in [*required, *optional]:
        yield Component(
            type=ComponentType.LIBRARY,
            scope=ComponentScope.REQUIRED if (name, version, marker, hashes) in required else ComponentScope.OPTIONAL,
            name=name,
            version=version,
            purl=PackageURL("pypi", name=_normal(name), version=version),
            bom_ref=f"pypi:{name}@{version}",
            licenses=[LicenseFactory().make_from_string(text) for text in _licence(installed.get(_normal(name)))],
            # One for each file that its authors published: an installation took one of them.
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=found) for found in _HASH.findall(hashes)],
            properties=[Property(name="crm:marker", value=marker)] if marker else (),
        )


def frontend_packages() -> Iterator[Component]:
    """What frontend/package-lock.json pins: the files that pages load, and what is bundled in them."""
    for path, package in json.loads(FRONTEND_LOCK.read_text(encoding="utf-8"))["packages"].items():
        if not path or package.get("optional"):
            continue
        full = path.rpartition("node_modules/")[2]
        namespace, _, name = full.rpartition("/")
        algorithm, _, digest = package["integrity"].partition("-")
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            group=namespace or None,
            version=package["version"],
            purl=PackageURL("npm", namespace=namespace or None, name=name, version=package["version"]),
            bom_ref=f"npm:{path}@{package['version']}",
            licenses=[LicenseFactory().make_from_string(package["license"])] if "license" in package else (),
            hashes=[HashType(alg=_ALGORITHMS[algorithm], content=base64.b64decode(digest).hex())],
        )


def provenance(wheel: Path) -> dict[str, Any]:
    """
    Which commit and locks the wheel was built from, as an in-toto statement with the predicate of SLSA v1.

    `CRM_BUILDER` names who built, as a URI; a machine that says nothing is `urn:mytomorrows-crm:builder:local`.
    """
    commit = _git("rev-parse", "HEAD")
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": wheel.name, "digest": {"sha256": _sha256(wheel)}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {"commit": commit},
                "internalParameters": {"python": sys.version.split()[0]},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": commit}},
                    *({"name": str(p.relative_to(ROOT)), "digest": {"sha256": _sha256(p)}} for p in MATERIALS),
                ],
            },
            "runDetails": {
                "builder": {"id": os.environ.get("CRM_BUILDER", "urn:mytomorrows-crm:builder:local")},
                "metadata": {"finishedOn": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")},
            },
        },
    }


def _licence(package: Distribution | None) -> list[str]:
    """As the package states it: an SPDX expression, else its classifiers, else the first line of its field."""
    if package is None:
        return []
    stated = package.metadata.get_all("License-Expression", [])
    classifiers = package.metadata.get_all("Classifier", [])
    named = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License :: OSI Approved :: ")]
    return stated or named or [text.splitlines()[0] for text in package.metadata.get_all("License", []) if text]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603, S607


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
