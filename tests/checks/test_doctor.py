"""`crm doctor` as one runs it: what it prints, how it ends, and that no secret is in it."""

import json
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from app.checks.table import CHECKS
from tests.conftest import passable_folder
from tests.serving import crm_here, environment, free_port

SECRETS = {
    "CRM_SECRET_KEY": "w0Nq3vVt9yPz6LrXk8Jf5Hd2Gs7Bm4Ca1eUi",
    "CRM_MASTER_KEYS": "1=p7Kx2Wm9Qz4Lt8Vn3Rb6Yc1Hd5Gf0Js2Ae",
    "CRM_SMTP_PASSWORD": "mail-word-of-the-test",
    "CRM_OIDC_CLIENT_SECRET": "oidc-word-of-the-test",
}


def _told(env: Mapping[str, str]) -> tuple[int, dict[str, dict[str, Any]], str]:
    done = crm_here("doctor", "--json", env=env)
    said = json.loads(done.stdout)
    assert said["worst"] == ["ok", "warning", "wrong"][done.returncode]
    return done.returncode, {check["name"]: check for check in said["checks"]}, done.stdout + done.stderr


@pytest.fixture
def sound(own_database: dict[str, str]) -> dict[str, str]:
    """The environment of an installation in which all is well, a worker's word included."""
    with psycopg.connect(own_database["CRM_OWNER_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DELETE FROM procrastinate_workers")
        connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    return own_database


def test_the_exit_code_is_the_worst_and_the_text_says_what_to_do(sound: dict[str, str]) -> None:
    with passable_folder() as folder:
        env = {**sound, "CRM_DATA_DIR": str(folder)}
        assert _told(env)[0] == 0
        code, told, _ = _told({**env, "CRM_SMTP_HOTS": "smtp.example.org"})
        assert (code, told["settings"]["level"]) == (1, "warning")
        wrong = {**env, "CRM_SMTP_HOST": "127.0.0.1", "CRM_SMTP_PORT": str(free_port())}
        assert _told(wrong)[0] == 2
        said = crm_here("doctor", env=wrong)
    assert (said.returncode, said.stderr) == (2, "")
    assert "wrong   mail" in said.stdout
    assert "See whether CRM_SMTP_HOST" in said.stdout


def test_every_check_is_told_whatever_is_wrong(sound: dict[str, str]) -> None:
    names = [check.name for check in CHECKS]
    with passable_folder() as folder:
        broken = {
            **sound,
            "CRM_DATA_DIR": str(folder),
            "CRM_DATABASE_URL": f"postgresql://crm@127.0.0.1:{free_port()}/crm",
        }
        code, told, _ = _told(broken)
        assert (code, list(told)) == (2, names)
        assert told["database"]["says"] == "The database does not answer (ConnectionRefusedError)."
        # A setting that cannot be used stops nothing either.
        code, told, _ = _told({**sound, "CRM_DATA_DIR": str(folder), "PORT": "many"})
        assert (code, list(told)) == (2, names)
        assert "PORT: " in told["settings"]["says"]
        assert {told[name]["level"] for name in names if name != "settings"} == {"ok"}
        # Without a database of one's own none is started, nor anything made.
        code, told, _ = _told(environment(CRM_DATA_DIR=str(folder / "new")))
        assert told["database"]["says"] == "The embedded PostgreSQL of CRM_DATA_DIR does not run."
        assert not (folder / "new").exists()


def test_production_is_told_all_that_it_lacks_and_no_secret_is_printed(sound: dict[str, str]) -> None:
    with passable_folder() as folder:
        env = {
            **sound,
            **SECRETS,
            "CRM_ENV": "production",
            "CRM_DATA_DIR": str(folder),
            "CRM_SMTP_HOST": "127.0.0.1",
            "CRM_SMTP_PORT": str(free_port()),
            "CRM_SMTP_USER": "crm",
        }
        code, told, said = _told(env)
        weak = "short-but-not-shown"
        said += _told({**env, "CRM_SECRET_KEY": weak, "CRM_MASTER_KEYS": f"1={weak}"})[2]
        said += crm_here("doctor", env=env).stdout
    assert code == 2
    assert "CRM_BASE_URL must be the https address" in told["settings"]["says"]
    database_password = sound["CRM_DATABASE_URL"].split(":")[2].split("@")[0]
    secret = [*SECRETS.values(), SECRETS["CRM_MASTER_KEYS"][2:], weak, database_password]
    assert [word for word in secret if word in said] == []
