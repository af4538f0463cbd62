"""The contract's own samples, where they lie beside the checkout: every expected fact is reproduced exactly."""

import json
from pathlib import Path

import pytest

from app.legacy import runner
from tests.legacy.compare import differences
from tests.printed import ROOT

SAMPLES = ROOT.parent / "shared" / "legacy"


@pytest.mark.parametrize("shape", ["csv", "webapi", "rough"])
def test_every_expected_fact_is_reproduced(shape: str, url: str, tmp_path: Path) -> None:
    folder = SAMPLES / shape
    if not folder.is_dir():
        pytest.skip("the contract's samples are not here")
    runner.run(url, folder, result_to=tmp_path / "result")
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert differences(tmp_path / "result", expected) == {}
    found = {check.name: check.found for check in runner.verify(url)}
    assert {name: found[name] for name in expected["checks"]} == expected["checks"]
    assert runner.run(url, folder).rows_written == 0
