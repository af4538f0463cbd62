"""`crm demo load`, as `make run` does it: the first that a newcomer meets."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.access.policy import Role
from app.cli import cli
from app.demo import load
from app.platform import schema
from app.platform.embedded import Cluster
from app.platform.roles import APPLICATION

FEW = {"PATIENTS": 12, "OPEN_LEADS": 8, "LOST_LEADS": 4, "PHYSICIANS": 3}


def test_demo_data_comes_once_into_an_empty_database(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = schema.sync_engine(cluster.url())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE demo"))
    engine.dispose()
    for name, value in {
        "CRM_DATABASE_URL": cluster.url("demo", role=APPLICATION),
        "CRM_OWNER_DATABASE_URL": cluster.url("demo"),
        "CRM_DATA_DIR": str(tmp_path),
        "PORT": "8099",
    }.items():
        monkeypatch.setenv(name, value)
    for name, number in FEW.items():
        monkeypatch.setattr(load, name, number)

    first = CliRunner().invoke(cli, ["demo", "load"])
    again = CliRunner().invoke(cli, ["demo", "load"])

    assert first.exception is None, first.output
    assert again.exception is None, again.output
    assert "Demo data" not in again.output
    assert set(json.loads((tmp_path / "demo-keys.json").read_text())) == {role.value for role in Role}
    engine = schema.sync_engine(cluster.url("demo"))
    with engine.connect() as connection:
        made = {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("patient", "patient_lead", "physician", "call_history", "task", "note", "suggested_change")
        }
        kinds, expired, waiting = connection.execute(
            text(
                "SELECT count(DISTINCT kind), count(*) FILTER (WHERE expires_on < current_date), "
                "count(*) FILTER (WHERE scan_status = 'waiting') "
                "FROM document JOIN document_version USING (document_id)"
            )
        ).one()
        relatives = connection.execute(
            text("SELECT count(*) FROM call_history JOIN person_relationship r ON r.person_id = spoke_with_person_id")
        ).scalar_one()
        types = set(connection.execute(text("SELECT content_type FROM document_version")).scalars())
        reports = connection.execute(
            text("SELECT count(*) FROM task WHERE rule = 'side_effect' AND reported_at IS NULL")
        ).scalar_one()
    engine.dispose()
    assert relatives > 0
    assert f"Demo data: {27 + relatives} people." in first.output
    assert kinds >= 3
    assert min(expired, waiting) >= 1
    assert types == {"application/pdf", "image/png"}
    assert reports <= 2
    assert (made["patient"], made["physician"]) == (12, 3)
    assert made["patient_lead"] > 12
    assert made["call_history"] > 12
    assert min(made["task"], made["note"], made["suggested_change"]) > 0
