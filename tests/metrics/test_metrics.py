"""What Prometheus reads is there, is read by whom it is for, and is what alerts and dashboard ask for."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with the fuzzing, without stubs
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role, permissions_of
from app.access.service import command_actor, create_service_key
from app.leads.states import LEAD
from app.metrics import api
from app.patients.states import PATIENT
from app.platform.embedded import Cluster
from app.platform.request_metrics import RequestMetrics
from tests import builders
from tests.conftest import AsRole
from tests.printed import ROOT
from tests.serving import crm_here, environment, serving

METRICS = "/api/v1/metrics"
OF_WHAT_IS_THERE = {
    "crm_records", "crm_jobs", "crm_worker_heartbeat_age_seconds", "crm_replica_lag_bytes", "crm_replica_connected"
}  # fmt: skip
FILES = ROOT / "deploy" / "observability"
NAME = re.compile(r"\b(?:crm_\w+|up)\b")


def samples_of(scraped: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Each sample's name to its labels and values."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def asked_for() -> Iterator[tuple[str, str]]:
    """Where a metric is named, and which."""
    for group in yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            for name in NAME.findall(rule["expr"]):
                yield rule["alert"], name
    for panel in json.loads((FILES / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            for name in NAME.findall(target["expr"]):
                yield panel["title"], name


async def read(client: httpx.AsyncClient, headers: dict[str, str]) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = await client.get(METRICS, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return samples_of(answer.text)


async def test_requests_are_counted_by_route_template_and_status(client: httpx.AsyncClient, as_role: AsRole) -> None:
    admin = await as_role("admin")
    nobody = "01970000-0000-7000-8000-000000000000"
    for path in (f"/api/v1/patients/{nobody}", f"/api/v1/patients/{nobody}?x=1", "/nowhere/Anna", "/health"):
        await client.get(path)
    await client.request("ANNA", "/health")

    found = await read(client, admin)

    counted = {tuple(labels.values()): value for labels, value in found["crm_requests_total"]}
    assert counted["GET", "/api/v1/patients/{patient_id}", "401"] == 2
    assert counted["GET", "-", "404"] == 1
    assert counted["GET", "/health", "200"] == 1
    assert {labels["method"] for labels, _ in found["crm_requests_total"]} == {"GET", "other"}
    seconds = {tuple(labels.values()): value for labels, value in found["crm_request_seconds_count"]}
    assert seconds["GET", "/api/v1/patients/{patient_id}"] == 2


async def test_what_waits_and_how_much_there_is_is_told(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    await builders.a_patient(session)
    await builders.a_lead(session)
    await session.commit()

    found = await read(client, await as_role("admin"))

    records = {(labels["record"], labels["status"]): value for labels, value in found["crm_records"]}
    assert records["patient", PATIENT.initial] >= 1
    assert records["lead", LEAD.initial] >= 1
    assert found["crm_schema_is_current"] == [({}, 1)]
    assert found["crm_database_connections_limit"] == [({}, 100)]
    assert found["crm_audit_partitions_missing"] == [({}, 0)]


async def test_who_may_not_reads_none(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    assert {role for role in Role if "metrics.read" in permissions_of(frozenset({role.value}))} == {Role.ADMIN}
    assert (await client.get(METRICS)).status_code == 401
    assert (await client.get(METRICS, headers=await as_role("navigator"))).status_code == 403
    key = await create_service_key(
        session, command_actor(), role=Role.ADMIN, name="prometheus", scopes=["metrics.read"]
    )
    await session.commit()
    narrow = {"Authorization": f"Bearer {key}"}
    assert (await client.get(METRICS, headers=narrow)).status_code == 200
    assert (await client.get("/api/v1/users", headers=narrow)).status_code == 403


def test_a_process_that_was_replaced_leaves_its_counts_alone(tmp_path: Path) -> None:
    for name in ("gauge_livesum_999999999.db", "counter_999999999.db", "gauge_livesum_1.db"):
        (tmp_path / name).touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        RequestMetrics().registry()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_999999999.db", "gauge_livesum_1.db"]


def test_everything_that_is_asked_for_is_in_a_scrape_of_two_processes(
    own_database: dict[str, str], tmp_path: Path
) -> None:
    """A real server: counts of one process are told by the other, and what alerts and dashboard name is there."""
    create = ("api-key", "create", "--role", "admin", "--scope", "metrics.read", "--name", "prometheus")
    env = {**own_database, "CRM_DATA_DIR": str(tmp_path)}
    key = crm_here(*create, env=env).stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    with serving(tmp_path / "log", env={**env, "CRM_WORKERS": "2"}) as (_, url):
        for _ in range(40):
            # A connection of its own each time: both processes take some.
            httpx.get(f"{url}/api/v1/patients", headers=headers)
        texts = [httpx.get(f"{url}{METRICS}", headers=headers).text for _ in range(8)]
    for scraped in texts:
        counted = {tuple(labels.values()): value for labels, value in samples_of(scraped)["crm_requests_total"]}
        assert counted["GET", "/api/v1/patients", "403"] == 40
    # Of a worker, of replicas and of records there is something to tell only where there are any: the next test.
    there = set(samples_of(texts[-1])) | {"up"} | OF_WHAT_IS_THERE
    asked = list(asked_for())
    assert len(asked) > 40
    assert [(where, name) for where, name in asked if name not in there] == []
    unseen = set(samples_of(texts[-1])) - {name for _, name in asked}
    assert {name for name in unseen if not name.endswith(("_created", "_total"))} == set(), "no panel shows it"


async def test_a_worker_a_job_a_replica_and_a_record_are_told_when_there_are_any(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, cluster: Cluster
) -> None:
    await builders.a_patient(session)
    await session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    await session.execute(
        text("INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at) VALUES ('default', 'x', now())")
    )
    await session.commit()
    admin = await as_role("admin")
    with psycopg.connect(cluster.url(role="postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('scraped', true)")
        try:
            found = await read(client, admin)
        finally:
            connection.execute("SELECT pg_drop_replication_slot('scraped')")
    assert set(found) >= OF_WHAT_IS_THERE
    assert found["crm_replica_connected"] == [({"replica": "scraped"}, 0)]
    assert ({"job": "x", "status": "todo"}, 1) in found["crm_jobs"]


def test_rules_and_dashboard_are_whole() -> None:
    rules = [rule for group in yaml.safe_load((FILES / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")
    told = (ROOT / "docs" / "RELIABILITY.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in told] == []
    scraped = yaml.safe_load((FILES / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["metrics_path"] == METRICS == api.router.prefix


def test_prometheus_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("NOT RUN: promtool is not here (Debian's package prometheus has it)")
    done = subprocess.run(
        [promtool, "check", "rules", FILES / "alerts.yml"],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
