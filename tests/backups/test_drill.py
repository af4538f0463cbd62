"""The drill: a backup is taken, listed, verified and brought back into an empty place; everything is as it was."""

import json
import os
import re
import tarfile
from pathlib import Path

import psycopg
import pyrage

from app.models import metadata
from app.platform import grants
from app.platform.files import Files
from app.platform.roles import APPLICATION, OPERATOR, OWNER, ROLES
from app.platform.settings import Settings
from tests.backups.conftest import CONTENTS, KEY, Place, content_of
from tests.conftest import passable_folder
from tests.stores import an_s3_bucket
from tests.two_servers import one_server

ROOT_NAMES = re.compile(r"crm-\d{4}-\d\d-\d\dT\d{6}Z\.(json|(database|documents)\.001\.age)")


def test_everything_is_as_it_was_after_a_restore(origin: Place, empty: Place) -> None:
    before = content_of(origin)

    name = origin.create()
    assert origin.crm("verify", name).returncode == 0
    verified = origin.crm("verify", name, "--identity", str(origin.identity))
    assert verified.returncode == 0, verified.stderr
    restored = empty.crm("restore", name, "--identity", str(empty.identity))
    assert restored.returncode == 0, restored.stderr

    after = content_of(empty)
    assert after.keys() == before.keys()
    assert {table for table, rows in before.items() if after[table] != rows} == set()
    assert len(before["public.call_history"]) == 3
    assert f"the keys of all {len(CONTENTS)} documents open" in " ".join(restored.stderr.split())
    files = Files(Settings.model_validate({"documents": str(empty.documents), "secret_key": KEY}))
    with psycopg.connect(empty.owner) as connection:
        query = (
            "SELECT stored_as, key_version, wrapped_key FROM document_version"
            " JOIN document_key USING (document_version_id)"
        )
        read = {b"".join(files.read(*row)) for row in connection.execute(query)}
        assert read == set(CONTENTS)
        # The application may do there what it may do here, and no more.
        assert grants.differences(connection, metadata) == set()
        actions = connection.execute("SELECT action FROM audit_event WHERE action LIKE 'restore_%'").fetchall()
    assert actions == [("restore_backup",)]


def test_a_server_that_knows_no_role_yet_takes_a_backup(origin: Place, tmp_path: Path) -> None:
    """As the database of docker-compose.yml is, made anew: its administrator alone can log in."""
    name = origin.create()
    with passable_folder() as folder, one_server(folder) as server:
        of = {role: f"postgresql://{role}@{server.place}/crm?password=of-{role}" for role in ROLES}
        there = origin.crm(
            "restore",
            name,
            *("--identity", str(origin.identity)),
            CRM_ADMIN_DATABASE_URL=server.url,
            CRM_OWNER_DATABASE_URL=of[OWNER],
            CRM_OPERATOR_DATABASE_URL=of[OPERATOR],
            CRM_DATABASE_URL=of[APPLICATION],
            CRM_DOCUMENTS=str(tmp_path / "anew"),
        )
        assert there.returncode == 0, there.stderr
        assert server.ask("SELECT count(*) FROM call_history") == 3


def test_a_backup_is_listed_with_what_it_holds(origin: Place) -> None:
    name = origin.create()
    assert name in origin.crm("list").stdout
    (listed,) = json.loads(origin.crm("list", "--json").stdout)
    assert listed["name"] == name
    assert (listed["is_complete"], listed["faults"], listed["documents"]) == (True, [], len(CONTENTS))
    assert listed["size_bytes"] == sum(path.stat().st_size for path in origin.backups.glob("*.age"))


def test_a_backup_tells_nothing_of_a_person_and_no_secret(origin: Place) -> None:
    """Neither its names, its manifest nor what the command says; what is in it is encrypted."""
    made = origin.crm("create")
    names = [path.name for path in origin.backups.iterdir()]
    assert [name for name in names if not ROOT_NAMES.fullmatch(name)] == []
    seen = b"".join(path.read_bytes() for path in origin.backups.iterdir())
    with psycopg.connect(origin.owner) as connection:
        stored = [name for (name,) in connection.execute("SELECT stored_as FROM document_version")]
    canaries = [word.encode() for word in ("Zoë", "Århus", "@example.org", KEY, "PGDMP", *stored)]
    assert [word for word in (*canaries, *CONTENTS[:1]) if word in seen] == []
    told = (made.stdout + made.stderr).encode()
    assert [word for word in canaries if word in told] == []
    password = psycopg.conninfo.conninfo_to_dict(origin.owner)["password"]
    assert str(password) not in made.stdout + made.stderr


def test_the_backup_opens_with_the_identity_alone(origin: Place, tmp_path: Path) -> None:
    """Without this program: the files one after the other are what `age --decrypt` reads."""
    origin.create()
    identity = pyrage.x25519.Identity.from_str(origin.identity.read_text().splitlines()[1])
    (dump,) = origin.backups.glob("*.database.001.age")
    assert pyrage.decrypt(dump.read_bytes(), [identity]).startswith(b"PGDMP")
    (documents,) = origin.backups.glob("*.documents.001.age")
    (tmp_path / "documents.tar").write_bytes(pyrage.decrypt(documents.read_bytes(), [identity]))
    with tarfile.open(tmp_path / "documents.tar") as tar:
        assert set(tar.getnames()) == {path.name for path in origin.files()}


def test_documents_and_backups_may_lie_in_a_bucket(origin: Place, empty: Place) -> None:
    """The documents come from a folder, the backup goes to a bucket, and the documents are restored into another."""
    with an_s3_bucket() as bucket:
        cloud = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        settings = {**cloud, "CRM_BACKUPS": f"s3://{bucket}/backups"}
        name = origin.create(**settings)
        assert json.loads(origin.crm("list", "--json", **settings).stdout)[0]["is_complete"]
        restored = empty.crm(
            "restore", "newest", "--identity", str(empty.identity), CRM_DOCUMENTS=f"s3://{bucket}/documents", **settings
        )
        assert restored.returncode == 0, restored.stderr
        assert name in restored.stderr
        missing = origin.crm("create", **settings | {"CRM_BACKUPS": "s3://no-such-bucket"})
        assert missing.returncode == 3
        assert "The backup cannot be written" in " ".join(missing.stderr.split())
