"""A database of its own for each test of the migration: copies of one made by the revisions, thrown away afterwards."""

import itertools
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

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
