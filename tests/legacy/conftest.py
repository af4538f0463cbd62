"""A database of its own for each test of the migration: copies of one made by the revisions, thrown away afterwards."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from app.legacy import checks
from app.legacy.sample import write_sample
from app.models import metadata
from app.platform import grants, schema
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.roles import OPERATOR
from app.platform.settings import Settings
from app.setup import add_reference_data

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a database at the newest revision with the reference data, to be copied."""
    name = "legacy_template"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    schema.upgrade(cluster.url(name))

    async def fill() -> None:
        made = Database(create_engine(Settings.model_validate({"database_url": cluster.url(name)}), cluster.url(name)))
        await add_reference_data(made)
        await made.close()

    asyncio.run(fill())
    return name


@pytest.fixture(scope="session")
def new_database(cluster: Cluster, template: str) -> Callable[[], str]:
    """Make a fresh database; returns its address for the operator, as whom the migration logs in."""

    def make() -> str:
        name = f"legacy_{next(_numbers)}"
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        with psycopg.connect(cluster.url(name)) as connection:
            grants.grant(connection, metadata)  # those of the database itself are not copied
        return cluster.url(name, role=OPERATOR)

    return make


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """The address of a database of this test's own."""
    return new_database()


def checksum(url: str) -> str:
    """A checksum over all tables but the audit log and the schema legacy."""
    with psycopg.connect(url) as connection:
        return checks.checksum(connection)


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic export of about a hundred contacts with every kind of dirt."""
    folder = tmp_path_factory.mktemp("sample") / "export"
    write_sample(folder, contacts=120, seed=7, dirt=1.0)
    return folder
