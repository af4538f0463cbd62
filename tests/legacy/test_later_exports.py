"""The months beside the old system: exports come again while people work here. `make fuzz` tries 200 seeds, CRM_LEGACY_SEEDS others."""

import os
from pathlib import Path

import pytest

from tests.legacy.fuzz_exports import live_beside

_SEEDS = int(os.environ.get("CRM_LEGACY_SEEDS", "8"))


@pytest.mark.parametrize("seed", range(1, _SEEDS + 1))
def test_exports_come_again_while_people_work_here(url: str, tmp_path: Path, seed: int) -> None:
    live_beside(url, tmp_path, seed)
