"""A migration that takes indexes away makes the places of patients in their list afterwards, all of them, once."""

from pathlib import Path

import psycopg
import pytest

from app.legacy import runner
from app.legacy.phases import bulk
from app.legacy.sample import write_sample

_READ = """
    SELECT coalesce(sum(seq_tup_read), 0)::bigint FROM pg_stat_user_tables
    WHERE relname IN ('call_history', 'clinical_trial_journey', 'eap_journey')
"""


def _places(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM patient_order ORDER BY patient_id").fetchall()


def test_a_large_load_reads_no_table_again_for_each_patient(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_WORTH_IT", 50)
    write_sample(tmp_path / "export", contacts=600, seed=3, dirt=0.2)
    assert runner.run(url, tmp_path / "export").finished
    with psycopg.connect(url, autocommit=True) as connection:
        patients, calls = connection.execute(
            "SELECT (SELECT count(*) FROM patient), (SELECT count(*) FROM call_history)"
        ).fetchone() or (0, 0)
        kept = _places(connection)
        assert len(kept) == patients > 100
        read = connection.execute(_READ).fetchone()
        assert read is not None
        # Each index and key of these tables reads it once; again for each patient would be 150 times.
        assert read[0] < 30 * (calls + patients)
        connection.execute("SELECT order_patients((SELECT array_agg(patient_id) FROM patient))")
        assert _places(connection) == kept
