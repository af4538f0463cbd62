"""What kustomize makes of each overlay is what Kubernetes takes, and keeps what production needs."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with the fuzzing, without stubs

from tests.deploy.tools import CHECKS, passes, run, tool
from tests.printed import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
RENDERED = [*(f"overlays/{name}" for name in OVERLAYS), "restore", "ingress-controller"]
KUBERNETES = "1.37"
WITHOUT_SCHEMA = {"Cluster", "ObjectStore", "ScheduledBackup"}
"""Kinds of the database's operator: Kubernetes' own schemas do not have them, so their fields are not checked."""

Manifest = dict[str, Any]


def _rendered(folder: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(passes("kubectl", "kustomize", FOLDER / folder)) if one]


def _pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in manifests if "template" in one["spec"]}


def _with_specs(manifests: list[Manifest]) -> list[Manifest]:
    return [one for one in manifests if "spec" in one]


def test_every_folder_with_a_kustomization_is_rendered() -> None:
    there = {str(path.parent.relative_to(FOLDER)) for path in FOLDER.rglob("kustomization.yaml")}
    assert {folder for folder in there if folder != "base" and "components" not in folder} == set(RENDERED)


@pytest.mark.parametrize("folder", RENDERED)
def test_kubernetes_takes_what_is_rendered(folder: str, tmp_path: Path) -> None:
    for number, manifest in enumerate(_rendered(folder)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(yaml.safe_dump(manifest))
        if manifest["kind"] in WITHOUT_SCHEMA:
            assert manifest["apiVersion"].split("/")[0].endswith("cnpg.io")
        else:
            passes("kubernetes-validate", "--strict", "--kubernetes-version", KUBERNETES, file)


def test_no_policy_is_broken_by_what_is_rendered(tmp_path: Path) -> None:
    for folder in RENDERED:
        (tmp_path / f"{folder.replace('/', '-')}.yaml").write_text(passes("kubectl", "kustomize", FOLDER / folder))
    passes("checkov", "--directory", tmp_path, "--config-file", CHECKS / "checkov.yml")


def test_the_validation_sees_a_wrong_type_and_an_unknown_field(tmp_path: Path) -> None:
    for name, spec in (("type", {"replicas": "two"}), ("field", {"replica": 2})):
        file = tmp_path / f"{name}.yaml"
        wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
        file.write_text(yaml.safe_dump(wrong))
        assert run(tool("kubernetes-validate"), "--strict", "-k", KUBERNETES, file).returncode == 1, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_no_more_than_they_need(overlay: str) -> None:
    pods = _pods(_with_specs(_rendered(f"overlays/{overlay}")))
    assert set(pods) == {"app", "worker", "schema"}
    for name, pod in pods.items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])
            given = {source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source}
            assert ("crm-commands" in given) == (name == "schema"), "where the owner logs in is known to the job alone"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_image_and_the_settings_are_the_overlays(overlay: str) -> None:
    manifests = _rendered(f"overlays/{overlay}")
    images = {container["image"] for pod in _pods(_with_specs(manifests)).values() for container in pod["containers"]}
    assert len(images) == 1
    assert ":latest" not in (image := images.pop())
    assert image.split(":")[0] != "mytomorrows-crm"
    (settings,) = (one["data"] for one in manifests if one["kind"] == "ConfigMap")
    assert settings["CRM_ENV"] == "production"
    assert settings["CRM_BASE_URL"].startswith("https://")
    assert [one["kind"] for one in manifests if one["kind"] == "Secret"] == [], "secrets are made by hand"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_spoken_with_unless_a_policy_says_so(overlay: str) -> None:
    policies = {
        one["metadata"]["name"]: one["spec"]
        for one in _rendered(f"overlays/{overlay}")
        if one["kind"] == "NetworkPolicy"
    }
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert {"app-from-ingress", "names", "outside", "to-database"} <= set(policies)


def test_production_survives_the_loss_of_a_machine() -> None:
    manifests = {
        (one["kind"], one["metadata"]["name"]): one["spec"] for one in _with_specs(_rendered("overlays/production"))
    }
    database = manifests["Cluster", "database"]
    assert database["instances"] == 3
    assert database["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
        "failoverQuorum": True,
    }
    assert manifests["PodDisruptionBudget", "app"]["maxUnavailable"] == 1
    assert manifests["HorizontalPodAutoscaler", "app"]["minReplicas"] >= 2
    assert "replicas" not in manifests["Deployment", "app"], "the autoscaler says how many"
    backup = manifests["ScheduledBackup", "nightly"]
    assert backup["cluster"] == {"name": "database"}
    assert database["plugins"][0]["parameters"]["barmanObjectName"] == "backups"
    assert ("ObjectStore", "backups") in manifests


def test_the_database_has_room_for_every_connection_of_every_copy() -> None:
    manifests = {(one["kind"], one["metadata"]["name"]): one for one in _rendered("overlays/production")}
    (settings,) = (one["data"] for (kind, _), one in manifests.items() if kind == "ConfigMap")
    copies = manifests["HorizontalPodAutoscaler", "app"]["spec"]["maxReplicas"] * int(settings["CRM_WORKERS"])
    workers = manifests["Deployment", "worker"]["spec"]["replicas"]
    of_a_process = 16 + 8  # CRM_POOL_SIZE and the fast paths' own
    room = int(manifests["Cluster", "database"]["spec"]["postgresql"]["parameters"]["max_connections"])
    assert (copies + workers) * of_a_process < room


def test_slow_headers_are_cut_off_by_the_controller() -> None:
    (settings,) = (one["data"] for one in _rendered("ingress-controller") if one["kind"] == "ConfigMap")
    assert settings["timeout-http-request"] == "5s"
    assert "h2" in settings["tls-alpn"]
    (ingress,) = (one for one in _rendered("overlays/production") if one["kind"] == "Ingress")
    assert "content-length" in ingress["metadata"]["annotations"]["haproxy.org/backend-config-snippet"]
