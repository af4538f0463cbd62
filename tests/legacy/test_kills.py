"""A run killed at any moment is resumed to the same result. tools/kill_legacy_runs.py does this a hundred times."""

from pathlib import Path

from app.legacy import runner
from app.legacy.undo import undo
from tests.legacy.conftest import checksum
from tools.kill_legacy_runs import run_with_kills


def test_a_run_killed_at_random_moments_comes_out_the_same(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    expected = checksum(url)
    undo(url)
    kills = run_with_kills(url, sample_folder, kills=4, seed=3)
    assert kills > 0
    assert checksum(url) == expected
