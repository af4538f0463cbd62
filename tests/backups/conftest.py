"""A database with people, calls and documents, and empty places to bring them back to."""

import asyncio
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pyrage
import pytest
from psycopg import sql

from app.documents.models import Document
from app.documents.service import add_kept_version
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.files import Files
from app.platform.roles import APPLICATION, OPERATOR, OWNER
from app.platform.sealed_files import CHUNK_BYTES
from app.platform.settings import Settings
from tests import builders
from tests.serving import crm_here, environment

KEY = "the secret key of a server that is backed up"
CONTENTS = (b"%PDF-1.7 a letter", b"", os.urandom(3 * CHUNK_BYTES), os.urandom(CHUNK_BYTES + 1))
"""What the documents hold: the encrypted form of each has another number of chunks."""
_number = itertools.count()


@dataclass(frozen=True)
class Place:
    """A database with its store of documents, and where its backups lie."""

    owner: str
    documents: Path
    env: dict[str, str]
    identity: Path
    names: dict[str, str] = field(default_factory=dict)

    def crm(self, *arguments: str, **settings: str) -> CompletedProcess[str]:
        return crm_here("backup", *arguments, env={**self.env, **settings})

    def create(self, **settings: str) -> str:
        """The name of a backup that is taken now."""
        made = self.crm("create", **settings)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    @property
    def backups(self) -> Path:
        return Path(self.env["CRM_BACKUPS"])

    def files(self) -> list[Path]:
        return sorted(path for path in self.documents.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Keys:
    identity: Path
    recipient: str


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    made = pyrage.x25519.Identity.generate()
    path = tmp_path_factory.mktemp("elsewhere") / "identity.txt"
    path.write_text(f"# made for a test\n{made}\n")
    return Keys(path, str(made.to_public()))


PlaceOf = Callable[[str, Path], Place]


@pytest.fixture(scope="session")
def place_of(cluster: Cluster, keys: Keys) -> PlaceOf:
    """Make the place of a database that is there."""

    def make(database: str, folder: Path) -> Place:
        env = environment(
            CRM_DATABASE_URL=cluster.url(database, role=APPLICATION),
            CRM_OWNER_DATABASE_URL=cluster.url(database),
            CRM_OPERATOR_DATABASE_URL=cluster.url(database, role=OPERATOR),
            CRM_DOCUMENTS=str(folder / "documents"),
            CRM_SECRET_KEY=KEY,
            CRM_BACKUPS=str(folder / "backups"),
            CRM_BACKUP_RECIPIENTS=keys.recipient,
        )
        return Place(cluster.url(database), folder / "documents", env, keys.identity)

    return make


@pytest.fixture(scope="session")
def filled(
    cluster: Cluster,
    settings: Settings,
    another_database: Callable[[str], str],
    place_of: PlaceOf,
    tmp_path_factory: pytest.TempPathFactory,
) -> Place:
    """A database with a person, a patient, calls and documents."""
    name = f"filled_{os.getpid()}"
    another_database(name)
    place = place_of(name, tmp_path_factory.mktemp("filled"))
    files = Files(Settings.model_validate({"documents": str(place.documents), "secret_key": KEY}))

    async def fill() -> None:
        database = Database(create_engine(settings, cluster.url(name, role=APPLICATION)))
        async with database.unit_of_work() as session:
            patient = await builders.a_patient(
                session, await builders.a_person(session, first_name="Zoë", last_name="Århus")
            )
            for _ in range(3):
                await builders.a_call(session, patient)
            for content in CONTENTS:
                document = Document(person_id=patient.person_id, title="Letter", kind="letter")
                session.add(document)
                await session.flush()
                kept = files.put("application/pdf", BytesIO(content))
                await add_kept_version(session, document, kept, number=1, by=None)
        await database.close()

    asyncio.run(fill())
    return place


@pytest.fixture
def origin(filled: Place, place_of: PlaceOf, tmp_path: Path) -> Place:
    """The filled database with a copy of its documents, and no backups yet."""
    place = place_of(str(psycopg.conninfo.conninfo_to_dict(filled.owner)["dbname"]), tmp_path)
    shutil.copytree(filled.documents, place.documents)
    return place


@pytest.fixture
def empty(cluster: Cluster, place_of: PlaceOf, origin: Place, tmp_path: Path) -> Iterator[Place]:
    """An empty database and no documents, which knows the backups of `origin`."""
    name = f"empty_{os.getpid()}_{next(_number)}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER)))
    place = place_of(name, tmp_path / "restored")
    place.env["CRM_BACKUPS"] = origin.env["CRM_BACKUPS"]
    yield place
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def content_of(place: Place) -> dict[str, list[str]]:
    """Every row of every table as text, events of backups left out."""
    tables = """
        SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_|^information_schema$'
    """
    with psycopg.connect(place.owner) as connection:
        return {
            table: sorted(
                row for (row,) in connection.execute(f"SELECT t::text FROM {table} AS t") if "_backup," not in row
            )
            for (table,) in connection.execute(tables).fetchall()
        }
