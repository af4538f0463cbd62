"""A database of its own for each test of the migration: copies of one made by the revisions, thrown away afterwards."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from app.legacy import checks
from app.legacy.sample import write_sample
from app.platform.embedded import Cluster
from app.platform.roles import OPERATOR

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def new_database(cluster: Cluster, another_database: Callable[[str], str]) -> Callable[[], str]:
    """Make a fresh database; returns its address for the operator, as whom the migration logs in."""

    def make() -> str:
        name = f"legacy_{next(_numbers)}"
        another_database(name)
        return cluster.url(name, role=OPERATOR)

    return make


@pytest.fixture
def url(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[str]:
    """The address of a database of this test's own, which goes with it: thousands of seeds would fill a disk."""
    address = new_database()
    yield address
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        name = sql.Identifier(make_url(address).database or "")
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


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
