"""Dirty exports of many seeds: the equation closes, order does not matter, undo restores."""

import csv
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.legacy import runner
from app.legacy.sample import write_sample
from app.legacy.undo import undo
from tests.legacy.conftest import checksum


@pytest.mark.parametrize(("seed", "prefix", "delimiter"), [(11, "myt_", ","), (12, "cr1a2_", ";"), (13, "new_", "\t")])
def test_a_dirty_export_adds_up_in_any_order(
    seed: int, prefix: str, delimiter: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    write_sample(tmp_path / "a", contacts=150, seed=seed, dirt=1.0, prefix=prefix, delimiter=delimiter)
    url = new_database()
    empty = checksum(url)
    # Phase 10 checks the equation and that no unit has two outcomes: a run that finishes has passed them.
    assert runner.run(url, tmp_path / "a").finished
    expected = checksum(url)

    shutil.copytree(tmp_path / "a", tmp_path / "b")
    chance = random.Random(seed)
    for path in sorted((tmp_path / "b").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = list(csv.reader(file, delimiter=delimiter))
        chance.shuffle(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    other = new_database()
    runner.run(other, tmp_path / "b")
    assert checksum(other) == expected

    undo(url)
    assert checksum(url) == empty
