"""`crm user …` as an operator runs it, on the database that an application serves."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from app.main import create_app
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from tests.serving import crm_here

pytestmark = pytest.mark.long


@pytest.fixture
async def browser(own_database: Mapping[str, str], settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on this machine, at an application of the commands' database."""
    database = Database(create_engine(settings, own_database["CRM_DATABASE_URL"]))
    transport = httpx.ASGITransport(app=create_app(settings, database), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made
    await database.close()


async def test_user_is_opened_listed_closed_and_the_link_opens_the_invitation(
    browser: httpx.AsyncClient, own_database: Mapping[str, str]
) -> None:
    async def crm(*arguments: str) -> tuple[int, str, str]:
        # A command runs a loop of its own.
        done = await asyncio.to_thread(crm_here, "user", *arguments, env=own_database)
        return done.returncode, done.stdout, done.stderr

    root = ("create", "--email", "Root@crm.example", "--name", "Root", "--role", "admin")
    code, link, said = await crm(*root, "--role", "auditor")
    assert code == 0, said
    assert "no person" not in said, "a single word is a name"
    path = "/invitation/" + link.strip().rpartition("/")[2]
    assert "Welcome, Root" in (await browser.get(path)).text
    assert "/invitation/" in (await browser.get("/mailbox")).text

    code, told, said = await crm("create", "--email", "root@CRM.example", "--name", "Root", "--role", "admin")
    assert (code, told) == (1, "")
    assert "account_exists" in said
    listed = json.loads((await crm("list", "--json"))[1])
    assert [(user["email"], user["status"], user["roles"]) for user in listed] == [
        ("Root@crm.example", "invited", ["admin", "auditor"])
    ]
    assert "Root@crm.example" in (await crm("list"))[1]

    code, _, said = await crm("disable", "root@crm.example")
    assert code == 1
    assert "last active administrator" in said
    code, _, said = await crm("create", "--email", "other@crm.example", "--name", "Olga Other", "--role", "admin")
    assert (code, said) == (0, "")
    assert (await crm("disable", "root@crm.example"))[0] == 0
    assert (await browser.get(path)).status_code == 404
    assert (await crm("disable", "nobody@crm.example"))[0] == 1
