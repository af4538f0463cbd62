"""The files that come from npm: pinned, complete, and none of them in the repository."""

import json
import re
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(hatch_build.__file__).parent
LOCKS = ("frontend/package-lock.json", "tests/browser/package-lock.json")


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_by_hash_and_names_no_registry(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


@pytest.mark.parametrize("manifest", ["frontend/package.json", "tests/browser/package.json"])
def test_manifest_asks_for_exact_versions(manifest: str) -> None:
    versions = json.loads((ROOT / manifest).read_text())["dependencies"]
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_vendor_folder_holds_exactly_what_is_served() -> None:
    vendor = ROOT / hatch_build.VENDOR
    found = {path.relative_to(vendor).as_posix() for path in vendor.rglob("*") if path.is_file()}
    assert found == {*hatch_build.SERVED, "icons.svg", ".stamp"}


def test_nothing_served_loads_from_elsewhere() -> None:
    for served, (address, _) in hatch_build.ELSEWHERE.items():
        assert address not in (ROOT / hatch_build.VENDOR / served).read_text()


def test_failing_npm_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code E404' >&2\nexit 3\n")
    npm.chmod(0o755)
    monkeypatch.setenv("CRM_NPM", str(npm))
    with pytest.raises(LookupError, match=r"^npm ci ended with 3: code E404$"):
        hatch_build.install_packages(tmp_path)
    assert not (tmp_path / "node_modules" / ".stamp").exists()


def test_unknown_icon_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-icon"):
        hatch_build.icon_sprite(tmp_path, ["no-such-icon"])


def test_sprite_has_a_symbol_per_icon_without_the_invisible_square(tmp_path: Path) -> None:
    (tmp_path / "outline").mkdir()
    (tmp_path / "outline" / "dot.svg").write_text(
        '<svg width="24">\n  <path stroke="none" d="M0 0h24v24H0z" fill="none" />\n  <path d="M1 1" />\n</svg>\n'
    )
    (tmp_path / "outline" / "two.svg").write_text(
        '<svg width="24">\n  <path d="M1 1" />\n  <path d="M2 2" />\n  <path d="m3 3" />\n</svg>\n'
    )
    sprite = hatch_build.icon_sprite(tmp_path, ["dot", "two"])
    assert '<symbol id="dot" viewBox="0 0 24 24"><path d="M1 1"/></symbol>' in sprite
    # What begins with a relative move is not joined: it would begin where the last stroke ended.
    assert '<symbol id="two" viewBox="0 0 24 24"><path d="M1 1M2 2"/> <path d="m3 3"/></symbol>' in sprite
