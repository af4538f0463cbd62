"""`crm secret rotate`: everything is sealed under the newest master key, and a killed rotation loses nothing."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import totp
from app.access.policy import Role
from app.access.service import command_actor, open_account
from app.documents import rotation
from app.documents.models import DocumentKey, DocumentVersion
from app.documents.service import add_kept_version
from app.platform import clock
from app.platform.crypto import MasterKeys, Unreadable
from app.platform.db import Database
from app.platform.files import Files
from app.platform.settings import Settings
from tests import builders
from tests.builders import FILES, PDF
from tests.conftest import BoundDatabase
from tests.serving import CRM, environment

NEW = "the new master key which is as long as it has to be"
KEYS = MasterKeys({0: SecretStr(FILES["secret_key"]), 1: SecretStr(NEW)})


async def read_all(session: AsyncSession, settings: Settings) -> list[bytes]:
    files = Files(settings)
    query = select(DocumentVersion.stored_as, DocumentKey.key_version, DocumentKey.wrapped_key).join(DocumentKey)
    return [b"".join(files.read(*row)) for row in await session.execute(query)]


async def test_documents_and_seeds_open_by_the_newest_key_alone_afterwards(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    await builders.a_document(session, await builders.a_person(session))
    account = await open_account(session, command_actor(), display_name="Ines", role=Role.NAVIGATOR)
    account_id, secret, now = account.user_account_id, totp.new_secret(), clock.now()
    code = totp.code_at(secret, totp.step_of(now) - 1)
    await totp.set_up(session, account_id=account_id, secret=secret, code=code, keys=settings.keys, now=now)
    await session.commit()

    first = await rotation.rotate(bound, KEYS)
    again = await rotation.rotate(bound, KEYS)

    assert (first, again) == (rotation.Rotated(1, 1, 0), rotation.Rotated(0, 0, 0))
    other = settings.model_copy(
        update={"secret_key": SecretStr("another one, of the same length or so"), "master_keys": {1: SecretStr(NEW)}}
    )
    session.expunge_all()
    assert await read_all(session, other) == [PDF]
    used = totp.code_at(secret, totp.step_of(now))
    await totp.use_code(session, account_id=account_id, code=used, keys=other.keys, now=now)
    with pytest.raises(Unreadable):
        await read_all(session, settings)


async def test_what_no_given_key_opens_is_told_and_stays(bound: BoundDatabase, session: AsyncSession) -> None:
    person = await builders.a_person(session)
    for _ in range(2):
        await builders.a_document(session, person)
    first = (await session.scalars(select(DocumentKey.document_version_id).limit(1))).one()
    await session.execute(update(DocumentKey).where(DocumentKey.document_version_id == first).values(key_version=7))
    await session.commit()
    assert await rotation.rotate(bound, KEYS) == rotation.Rotated(1, 0, 1)
    versions = await session.scalars(select(DocumentKey.key_version).order_by(DocumentKey.key_version))
    assert versions.all() == [1, 7]


@pytest.fixture
async def kept(committed_database: Database) -> AsyncIterator[int]:
    """So many document keys of version 0 that a rotation has several batches."""
    many = rotation.BATCH * 2 + 20
    async with committed_database.unit_of_work() as session:
        # Other files write into this database as well.
        await session.execute(delete(DocumentKey))
        document = await builders.a_document(session, await builders.a_person(session))
        files = Files(Settings.model_validate(FILES))
        for number in range(2, many + 1):
            file = files.keep(io.BytesIO(PDF))
            assert file is not None
            await add_kept_version(session, document, file, number=number, by=None)
    yield many
    async with committed_database.unit_of_work() as session:
        await session.execute(delete(DocumentKey))


async def counted(database: Database) -> dict[int, int]:
    query = select(DocumentKey.key_version, func.count().label("how_many")).group_by(DocumentKey.key_version)
    async with database.session() as session:
        return {row.key_version: row.how_many for row in await session.execute(query)}


async def test_a_rotation_that_is_killed_goes_on_where_it_was(
    committed_database: Database, committed_owner_url: str, committed_url: str, kept: int, tmp_path: Path
) -> None:
    env = environment(
        CRM_DATABASE_URL=committed_url,
        CRM_OWNER_DATABASE_URL=committed_owner_url,
        CRM_SECRET_KEY=FILES["secret_key"],
        CRM_MASTER_KEYS=f"1={NEW}",
        CRM_DATA_DIR=str(tmp_path),
    )
    assert await counted(committed_database) == {0: kept}
    with psycopg.connect(committed_url) as held:
        held.execute(
            "SELECT FROM document_key WHERE document_version_id = (SELECT document_version_id FROM document_key"
            " ORDER BY document_version_id OFFSET %s LIMIT 1) FOR UPDATE",
            [rotation.BATCH + 10],
        )
        process = await asyncio.create_subprocess_exec(CRM, "secret", "rotate", env=env)
        while await counted(committed_database) == {0: kept} and process.returncode is None:  # noqa: ASYNC110 - of a process
            await asyncio.sleep(0.05)
        process.kill()
        await process.wait()
    assert await counted(committed_database) == {0: kept - rotation.BATCH, 1: rotation.BATCH}
    both = Settings.model_validate({**FILES, "master_keys": {1: NEW}})
    async with committed_database.session() as session:
        assert await read_all(session, both) == [PDF] * kept

    again = await asyncio.create_subprocess_exec(CRM, "secret", "rotate", env=env, stderr=asyncio.subprocess.PIPE)
    _, said = await again.communicate()

    assert again.returncode == 0, said
    assert f"{kept - rotation.BATCH} document keys" in said.decode()
    assert await counted(committed_database) == {1: kept}
    async with committed_database.session() as session:
        assert await read_all(session, both) == [PDF] * kept
