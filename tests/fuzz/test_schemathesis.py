"""
The API against its own description: schemathesis with all checks, on a real server.

30 seconds in the suite; FUZZ_SECONDS sets another time (`make fuzz`: 600), FUZZ_SEED another course.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.access.models import RoleGrant
from app.access.policy import PERMISSIONS, Role
from app.access.service import command_actor, create_api_key, open_account
from app.conditions.models import MedicalCondition
from app.platform import clock
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.roles import APPLICATION
from app.platform.settings import Settings
from tests.serving import environment, serving

pytestmark = pytest.mark.long

SECONDS = int(os.environ.get("FUZZ_SECONDS", "30"))
# Two threads that read a lambda's source at once broke Python 3.11 ("AST constructor recursion depth mismatch").
WORKERS = "1"
PHASES = os.environ.get("FUZZ_PHASES", "examples,coverage,fuzzing,stateful")
SEED = os.environ.get("FUZZ_SEED", "1")
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CONFIG, HOOKS = (Path(__file__).with_name(name) for name in ("schemathesis.toml", "hooks.py"))


async def _key_for_everything(url: str, settings: Settings) -> tuple[str, list[str]]:
    """A key of an account with every role, and the ids of some conditions."""
    database = Database(create_engine(settings, url))
    async with database.unit_of_work() as session:
        actor, roles = command_actor(), list(Role)
        account = await open_account(session, actor, display_name="fuzz", role=roles[0])
        session.add_all(RoleGrant(user_account_id=account.user_account_id, role=role.value) for role in roles[1:])
        # A key has some permissions only by name, and then for a day.
        key = await create_api_key(
            session,
            actor,
            account_id=account.user_account_id,
            name="fuzz",
            scopes=list(PERMISSIONS),
            expires_at=clock.now() + timedelta(hours=12),
        )
        conditions = await session.scalars(select(MedicalCondition.medical_condition_id).limit(5))
        ids = [str(condition_id) for condition_id in conditions]
    await database.close()
    return key, ids


def test_the_api_keeps_its_description(
    cluster: Cluster, another_database: Callable[[str], str], settings: Settings, tmp_path: Path
) -> None:
    another_database("fuzz")
    url = cluster.url("fuzz", role=APPLICATION)
    key, conditions = asyncio.run(_key_for_everything(url, settings))
    log, config = tmp_path / "serve.log", tmp_path / "schemathesis.toml"
    config.write_text(f"{CONFIG.read_text()}\n[dictionaries.conditions]\nvalues = {json.dumps(conditions)}\n")
    env = environment(CRM_DATABASE_URL=url, CRM_DATA_DIR=str(tmp_path), CRM_FAILED_KEYS_LIMIT="0")
    with serving(log, env=env) as (_server, address):
        # On a busy machine the time may be over before every route has had its turn: it gets more, once.
        for seconds in (SECONDS, SECONDS * 3):
            done = subprocess.run(
                [
                    SCHEMATHESIS, "--config-file", config, "run", f"{address}/openapi.json",
                    "-H", f"Authorization: Bearer {key}",
                    "--workers", WORKERS, "--phases", PHASES, "--mode", "all",
                    "--max-examples", "60", "--max-time", str(seconds), "--seed", SEED,
                    "--continue-on-failure", "--no-color",
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
                env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
            )  # fmt: skip
            selected = re.search(r"Selected: (\d+)/\1\n\s*Tested: \1\b", done.stdout)
            if selected or done.returncode:
                break
    sys.stdout.write(done.stdout)  # `make fuzz` shows it
    assert "unhandled_error" not in log.read_text()
    assert done.returncode == 0, done.stdout[-12_000:]
    assert selected, f"not every route was tested: {done.stdout[-3_000:]}"
