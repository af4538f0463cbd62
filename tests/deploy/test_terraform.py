"""Terraform of three clouds: it parses, is formatted, breaks no policy, and asks for the same. It was never applied."""

import json
from functools import cache
from typing import Any

import pytest

from tests.deploy.tools import CHECKS, passes, tool
from tests.printed import ROOT

FOLDER = ROOT / "deploy" / "terraform"
CLOUDS = sorted(path.name for path in FOLDER.iterdir())
SECRETS = {"CRM_SECRET_KEY", "CRM_DATABASE_URL"}
OF_COMMANDS = {"CRM_OWNER_DATABASE_URL", "CRM_OPERATOR_DATABASE_URL", "CRM_ADMIN_DATABASE_URL"}

Parsed = dict[str, Any]


@cache
def _parsed(cloud: str) -> dict[str, Parsed]:
    return {file.name: json.loads(passes("hcl2tojson", file)) for file in sorted((FOLDER / cloud).glob("*.tf"))}


def _plain(value: Any) -> Any:
    """The parser puts each value and each block into a list of its own, and notes the lines of blocks."""
    if isinstance(value, dict):
        return {name.strip('"'): _plain(one) for name, one in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else [_plain(one) for one in value]
    return value


def _blocks(cloud: str, kind: str) -> list[Parsed]:
    return [_plain(block) for file in _parsed(cloud).values() for block in file.get(kind, [])]


def _resources(cloud: str) -> dict[str, list[Parsed]]:
    found: dict[str, list[Parsed]] = {}
    for block in _blocks(cloud, "resource"):
        for kind, named in block.items():
            found.setdefault(kind, []).extend(named.values())
    return found


def _text(cloud: str) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted((FOLDER / cloud).glob("*.tf")))


def test_the_three_clouds_are_here() -> None:
    assert CLOUDS == ["aws", "azure", "gcp"]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_file_parses(cloud: str) -> None:
    assert {"app.tf", "database.tf", "network.tf", "secrets.tf", "storage.tf"} <= set(_parsed(cloud))


def test_every_file_is_formatted() -> None:
    passes(tool("terraform"), "fmt", "-check", "-diff", "-recursive", FOLDER, env={"TF_CLI_CONFIG_FILE": "/dev/null"})


def test_no_policy_is_broken() -> None:
    passes("checkov", "--directory", FOLDER, "--config-file", CHECKS / "checkov.yml")


def test_the_clouds_ask_for_the_same() -> None:
    """One file in three places, which nothing else may differ from."""
    assert len({(FOLDER / cloud / "variables.tf").read_text(encoding="utf-8") for cloud in CLOUDS}) == 1
    for cloud in CLOUDS:
        shared = {name for block in _parsed(cloud)["variables.tf"]["variable"] for name in block}
        used = {name for name in shared if f"var.{name}" in _text(cloud)}
        assert shared - used == set(), cloud


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_state_lies_elsewhere_and_is_locked(cloud: str) -> None:
    (settings,) = _blocks(cloud, "terraform")
    ((kind, given),) = settings["backend"].items()
    assert kind in {"s3", "gcs", "azurerm"}  # the last two lock by themselves
    assert kind != "s3" or given["use_lockfile"] is True


@pytest.mark.parametrize("cloud", CLOUDS)
def test_both_sizes_say_the_same_things(cloud: str) -> None:
    (sizes,) = (block["sizes"] for block in _blocks(cloud, "locals") if "sizes" in block)
    assert set(sizes) == {"small", "production"}
    assert set(sizes["small"]) == set(sizes["production"])
    assert sizes["production"]["app"]["copies"] >= 2
    assert "Billable:" in (FOLDER / cloud / "versions.tf").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("cloud", "kind", "expected"),
    [
        (
            "aws",
            "aws_db_instance",
            {
                "engine_version": "18",
                "storage_encrypted": True,
                "publicly_accessible": False,
                "deletion_protection": True,
            },
        ),
        ("gcp", "google_sql_database_instance", {"database_version": "POSTGRES_18", "deletion_protection": True}),
        (
            "azure",
            "azurerm_postgresql_flexible_server",
            {"version": "18", "public_network_access_enabled": False},
        ),
    ],
)
def test_the_database_is_private_and_kept(cloud: str, kind: str, expected: Parsed) -> None:
    (database,) = _resources(cloud)[kind]
    assert {name: database[name] for name in expected} == expected
    assert database["lifecycle"]["prevent_destroy"] is True
    assert "backup_days" in json.dumps(database)
    assert "local.production" in json.dumps(database), "a standby in another zone, in production"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_owner_of_the_database_is_known_to_the_schema_alone(cloud: str) -> None:
    merged = {name: value for block in _blocks(cloud, "locals") for name, value in block.items()}
    assert set(merged["secret_of_commands"]) == OF_COMMANDS
    assert not any(name in str(merged["secret"]) for name in OF_COMMANDS)
    assert all(name in str(merged["secret"]) for name in SECRETS)
    assert "CRM_ENV" in str(merged["settings"])


@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_can_go_wrong_has_an_alarm(cloud: str) -> None:
    (alarms,) = (block["alarms"] for block in _blocks(cloud, "locals") if "alarms" in block)
    assert {"slow", "database-disk", "database-cpu", "database-connections"} <= set(alarms)
    assert "nobody-answers" in _text(cloud)


def test_no_values_of_an_installation_are_here() -> None:
    assert [path.name for path in FOLDER.rglob("*.tfvars")] == []


def test_terraform_and_the_template_start_lambda_alike() -> None:
    (function,) = _resources("aws")["aws_lambda_function"]
    (integration,) = _resources("aws")["aws_apigatewayv2_integration"]
    template = (ROOT / "deploy" / "lambda" / "template.yaml").read_text(encoding="utf-8")
    assert function["image_config"] == {"entry_point": "/opt/crm/bin/python", "command": ["-m", "app.serverless"]}
    assert "EntryPoint: [/opt/crm/bin/python]" in template
    assert integration["payload_format_version"] == "2.0"
    for name in ("CRM_PROXY_HOPS", "CRM_DATA_DIR", "CRM_LARGEST_DOCUMENT", "CRM_POOL_SIZE", "CRM_FAST_PATHS"):
        assert name in str(function["environment"])
        assert name in template
