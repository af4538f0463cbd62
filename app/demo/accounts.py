"""An account and an API key for each role, for trying and for the tour in the README."""

import json
import os
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import keys, queries
from app.access import service as access
from app.access.policy import Role
from app.audit import service as audit
from app.people import service as people
from app.people.models import Person
from app.people.schemas import Intake, PersonCreate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.crypto import MasterKeys
from app.platform.db import Database

KEYS_FILE = "demo-keys.json"
PEOPLE: dict[Role, tuple[str, str]] = {
    Role.NAVIGATOR: ("Amber", "Meijer"),
    Role.LIAISON: ("Lucien", "Fontaine"),
    Role.PROGRAMME_MANAGER: ("Kwame", "Osei"),
    Role.DATA_STEWARD: ("Signe", "Lindqvist"),
    Role.PRIVACY_OFFICER: ("Ottilie", "Brandt"),
    Role.AUDITOR: ("Iker", "Zabala"),
    Role.ADMIN: ("Ravi", "Nair"),
}
"""The humans behind the demo accounts; `integration` is a machine."""


async def has_nobody(database: Database) -> bool:
    """Whether the database holds no person yet."""
    async with database.session() as session:
        return (await session.execute(select(Person.person_id).limit(1))).first() is None


async def demo_keys(database: Database, data_dir: Path) -> dict[str, str]:
    """
    A working key for each role: those of the keys file, or new ones, written to it for its owner's eyes alone.

    The accounts are opened when they are not there yet.
    """
    path = data_dir / KEYS_FILE
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    actor = access.command_actor()
    async with database.unit_of_work() as session:
        for role in Role:
            if not await _opens(session, kept.get(role.value)):
                kept[role.value] = await _new_key(session, actor, role)
        await audit.write_event(session, actor, action="make_demo_keys")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file, indent=2)
    return kept


async def demo_users(database: Database, keys: MasterKeys) -> dict[str, access.DemoUser]:
    """How to sign in to the pages, for each role that humans have."""
    actor = access.command_actor()
    async with database.unit_of_work() as session:
        found = {
            role.value: await access.open_demo_user(session, actor, role=role, display_name=" ".join(name), keys=keys)
            for role, name in PEOPLE.items()
        }
        await audit.write_event(session, actor, action="make_demo_users")
    return found


async def _opens(session: AsyncSession, key: str | None) -> bool:
    parsed = keys.parse_key(key) if key else None
    return parsed is not None and await queries.find_actor_by_key(session, parsed) is not None


async def _new_key(session: AsyncSession, actor: Actor, role: Role) -> str:
    name = " ".join(PEOPLE.get(role, ("Intake", "form")))
    account = await queries.find_account_by_name(session, name)
    if account is None:
        person_id = None
        if role in PEOPLE:
            first, last = PEOPLE[role]
            new = PersonCreate(first_name=first, last_name=last, email=f"{first}.{last}@crm.example.org".lower())
            person = (
                await people.identify_or_create(
                    session, actor, new=new, intake=Intake(source="navigator"), payload={"demo": True}
                )
            ).person
            person_id = person.person_id
            if role is Role.NAVIGATOR:
                await people.give_role(
                    session, actor, person_id=person_id, type_name="patient-navigator", since=clock.now()
                )
        account = await access.open_account(
            session,
            actor,
            display_name=name,
            role=role,
            kind="human" if person_id else "service",
            person_id=person_id,
        )
    return await access.create_api_key(session, actor, account_id=account.user_account_id, name="demo")
