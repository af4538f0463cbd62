"""What a build consists of is told whole, and only of what a commit holds."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import run, tool
from tests.printed import ROOT
from tools.advisories import locked

LOCKED_IN_NPM = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))["packages"]


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter beside the checkers, who bring the library of CycloneDX."""
    return Path(tool("checkov")).parent / "python"


@pytest.fixture(scope="module")
def built(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what is written for a wheel that this checkout might have built."""
    folder = tmp_path_factory.mktemp("dist")
    wheel = folder / "mytomorrows_crm-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    site_packages = Path(pytest.__file__).parents[1]
    write = (
        "import json, sys; from pathlib import Path; from tools import sbom; wheel = Path(sys.argv[2]);"
        "(wheel.parent / 'bill').write_text(sbom.bill_of_materials(Path(sys.argv[1]), wheel));"
        "(wheel.parent / 'provenance').write_text(json.dumps(sbom.provenance(wheel)))"
    )
    done = run(python, "-c", write, site_packages, wheel)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_locked_package_is_in_the_bill_with_its_hash_and_licence(built: Path) -> None:
    bill: dict[str, Any] = json.loads((built / "bill").read_text())
    found = {component["bom-ref"]: component for component in bill["components"]}
    pinned = {
        f"pypi:{name}@{version}"
        for name, versions in locked([ROOT / "requirements.txt", ROOT / "requirements" / "parquet.txt"]).items()
        for version in versions
    }
    served = {
        f"npm:{path}@{package['version']}"
        for path, package in LOCKED_IN_NPM.items()
        if path and not package.get("optional")
    }
    assert len(pinned) > 70
    assert len(served) > 90
    assert {reference.lower() for reference in found} == {reference.lower() for reference in pinned | served}
    assert [reference for reference, component in found.items() if not component.get("hashes")] == []
    assert [c["name"] for c in found.values() if c.get("scope") == "optional"] == ["pyarrow"]
    # These say none: the first is not installed on Linux, one has the text of its licence and no name, two have none in
    # their lock.
    assert {c["name"] for c in found.values() if not c.get("licenses")} == {"colorama", "decko", "pyrage", "stickyfill"}


def test_provenance_names_the_commit_and_the_wheel(built: Path) -> None:
    said: dict[str, Any] = json.loads((built / "provenance").read_text())
    commit = run(tool("git"), "rev-parse", "HEAD").stdout.strip()
    assert said["predicate"]["buildDefinition"]["externalParameters"] == {"commit": commit}
    digest = run(tool("sha256sum"), built / "mytomorrows_crm-0.1.0-py3-none-any.whl").stdout.split()[0]
    assert said["subject"] == [{"name": "mytomorrows_crm-0.1.0-py3-none-any.whl", "digest": {"sha256": digest}}]


def test_what_no_commit_holds_is_not_told_of(python: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", clone], check=True)
    (clone / "app" / "more.py").write_text("")
    done = run(python, "-m", "tools.sbom", tmp_path, tmp_path / "a-1-py3-none-any.whl", cwd=clone)
    assert done.returncode == 2
    assert "app/more.py" in done.stderr
