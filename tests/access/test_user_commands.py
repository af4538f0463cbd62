"""`crm user …` as an operator runs it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import passable_folder
from tests.serving import CRM, environment, serving

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder / "data"


def test_user_is_opened_listed_closed_and_the_link_opens_the_invitation(data_dir: Path) -> None:
    env = environment(CRM_DATA_DIR=str(data_dir))

    def crm(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CRM, "user", *arguments], env=env, capture_output=True, text=True, check=False, timeout=60
        )

    with serving(data_dir.parent / "serve.log", env=env) as (_, url):
        opened = crm("create", "--email", "Root@crm.example", "--name", "Root", "--role", "admin", "--role", "auditor")
        assert opened.returncode == 0, opened.stderr
        path = "/invitation/" + opened.stdout.strip().rpartition("/")[2]
        assert "Welcome, Root" in httpx.get(url + path).text
        assert "/invitation/" in httpx.get(f"{url}/mailbox").text

        again = crm("create", "--email", "root@CRM.example", "--name", "Root", "--role", "admin")
        assert (again.returncode, again.stdout) == (1, "")
        assert "account_exists" in again.stderr
        listed = json.loads(crm("list", "--json").stdout)
        assert [(user["email"], user["status"], user["roles"]) for user in listed] == [
            ("Root@crm.example", "invited", ["admin", "auditor"])
        ]
        assert "no person" in opened.stderr, "a single word is no name of a person"
        assert "Root@crm.example" in crm("list").stdout

        last = crm("disable", "root@crm.example")
        assert last.returncode == 1
        assert "last active administrator" in last.stderr
        linked = crm("create", "--email", "other@crm.example", "--name", "Olga Other", "--role", "admin")
        assert (linked.returncode, linked.stderr) == (0, "")
        assert crm("disable", "root@crm.example").returncode == 0
        assert httpx.get(url + path).status_code == 404
        assert crm("disable", "nobody@crm.example").returncode == 1
    assert (data_dir / "secret-key").stat().st_mode & 0o777 == 0o600
