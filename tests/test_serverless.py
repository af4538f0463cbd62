"""
Lambda: events of API Gateway's HTTP API in, answers in its form out, by the process that the image starts there.

The events are of the published payload format 2.0: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy
integrations for HTTP APIs in API Gateway" (http-api-develop-integrations-lambda). Duplicate headers and parameters come
joined by commas, the whole query as rawQueryString, cookies as a list, and what is no text as base64.
"""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import make_url

from app import serverless
from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.platform.db import Database, create_engine
from app.platform.settings import Settings, SettingsError
from tests.answering import Request, answering
from tests.builders import PDF
from tests.collector import a_collector
from tests.serving import environment

Answer = dict[str, Any]


def an_event(
    method: str, path: str, *, query: str = "", headers: dict[str, str] | None = None, body: bytes | None = None,
    cookies: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """An event as the guide shows it, with the fields that a request has."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "localhost", "x-forwarded-for": "198.51.100.7", **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "domainName": "id.execute-api.example",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "198.51.100.7", "userAgent": "agent",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "28/Nov/2026:19:03:58 +0000",
            "timeEpoch": 1795892638000,
        },
        "isBase64Encoded": body is not None,
    }  # fmt: skip
    if cookies:
        event["cookies"] = cookies
    if body is not None:
        event["body"] = base64.b64encode(body).decode()
    return event


class Runtime:
    """Stands for Lambda's runtime API: hands out events, and takes what is answered."""

    def __init__(self) -> None:
        self.events: Queue[dict[str, Any]] = Queue()
        self.answers: Queue[Answer] = Queue()

    def answer(self, event: dict[str, Any]) -> Answer:
        self.events.put(event)
        return self.answers.get(timeout=60)


@contextmanager
def function(output: Path, env: dict[str, str]) -> Iterator[Runtime]:
    """The function as the image starts it on Lambda, until the block ends."""
    runtime = Runtime()

    def take(request: Request) -> None:
        if request.command == "GET":  # /2018-06-01/runtime/invocation/next
            of_the_event = {
                "Lambda-Runtime-Aws-Request-Id": "one",
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:x:1:function:crm",
            }
            request.answer(200, json.dumps(runtime.events.get()).encode(), of_the_event)
        else:  # .../one/response, .../one/error, /init/error
            said = json.loads(request.body() or b"null")
            is_answer = request.path.endswith("/response")
            runtime.answers.put(said if is_answer else {"error": said, "path": request.path})
            request.answer(202)

    with answering(take) as address, output.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.serverless"],
            env=environment(AWS_LAMBDA_RUNTIME_API=address, **env),
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )
        try:
            yield runtime
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("function") / "output"


@pytest.fixture(scope="module")
def runtime(committed_url: str, output: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    env = {
        "CRM_DATABASE_URL": committed_url,
        "CRM_SECRET_KEY": "k" * 40,
        "CRM_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "CRM_BASE_URL": "http://localhost",
        "CRM_LARGEST_DOCUMENT": "4",
        "CRM_POOL_SIZE": "2",
        "CRM_FAST_PATHS": "false",
        "CRM_LOG_FORMAT": "json",
    }
    with function(output, env) as made:
        yield made


@pytest.fixture(scope="module")
def key(committed_url: str, settings: Settings) -> dict[str, str]:
    async def make() -> str:
        database = Database(create_engine(settings, committed_url))
        async with database.unit_of_work() as session:
            made = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="lambda")
        await database.close()
        return made

    return {"authorization": f"Bearer {asyncio.run(make())}"}


def form(fields: dict[str, str], file: bytes) -> tuple[bytes, dict[str, str]]:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    parts.append('--edge\r\nContent-Disposition: form-data; name="file"; filename="letter.pdf"\r\n\r\n')
    return "".join(parts).encode() + file + b"\r\n--edge--\r\n", {"content-type": "multipart/form-data; boundary=edge"}


def test_an_answer_is_text_with_its_status(runtime: Runtime, key: dict[str, str]) -> None:
    answer = runtime.answer(an_event("GET", "/health/live"))
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ok"})
    assert answer["isBase64Encoded"] is False
    refused = runtime.answer(an_event("GET", "/api/v1/patients"))
    assert refused["statusCode"] == 401
    assert refused["headers"]["content-type"].startswith("application/problem+json")
    assert json.loads(refused["body"])["status"] == 401
    assert runtime.answer(an_event("GET", "/api/v1/patients", query="limit=1", headers=key))["statusCode"] == 200


def test_a_body_comes_as_base64_and_a_parameter_more_than_once(runtime: Runtime, key: dict[str, str]) -> None:
    person = {"first_name": "Noor", "last_name": "Visser", "email": "noor.lambda@example.org"}
    listed = runtime.answer(an_event("GET", "/api/v1/medical-conditions", query="limit=1", headers=key))
    condition = json.loads(listed["body"])["items"][0]["medical_condition_id"]
    body = json.dumps({"person": person, "medical_condition_id": condition}).encode()
    json_headers = key | {"content-type": "application/json"}
    made = runtime.answer(an_event("POST", "/api/v1/patients", headers=json_headers, body=body))
    assert made["statusCode"] in {200, 201}, made["body"]
    patient = json.loads(made["body"])
    assert patient["person"]["first_name"] == "Noor"
    query = urlencode([("status", "active"), ("status", "inactive"), ("q", "Visser, Noor")])
    listed = runtime.answer(an_event("GET", "/api/v1/patients", query=query, headers=key))
    assert listed["statusCode"] in {200, 422}, listed["body"]
    fields = {"patient_id": patient["patient_id"], "kind": "letter", "title": "Letter of the clinic"}
    body, headers = form(fields, PDF + bytes(range(256)))
    added = runtime.answer(an_event("POST", "/api/v1/documents", headers=key | headers, body=body))
    assert added["statusCode"] == 201, added["body"]
    document = json.loads(added["body"])["document_id"]
    content = runtime.answer(an_event("GET", f"/api/v1/documents/{document}/versions/1/content", headers=key))
    assert content["statusCode"] == 200, content["body"]
    assert content["isBase64Encoded"] is True
    assert base64.b64decode(content["body"]) == PDF + bytes(range(256))


def test_cookies_come_as_a_list_and_go_as_one(runtime: Runtime) -> None:
    page = runtime.answer(an_event("GET", "/sign-in", cookies=["one=1", "two=2"]))
    assert page["statusCode"] == 200
    assert 'type="password"' in page["body"]
    assert "set-cookie" not in page["headers"]
    assert any("HttpOnly" in cookie for cookie in page["cookies"]), page


def test_a_file_over_the_limit_is_refused_by_us(runtime: Runtime, key: dict[str, str]) -> None:
    """Lambda takes 6 MB, which is 4.5 MB as base64: CRM_LARGEST_DOCUMENT=4 has the product say so, with its code."""
    body, headers = form({"kind": "letter", "title": "x"}, bytes(4 * 2**20 + 100_000))
    refused = runtime.answer(an_event("POST", "/api/v1/documents", headers=key | headers, body=body))
    assert refused["statusCode"] == 413, refused["body"]


def test_its_output_holds_no_address(runtime: Runtime, output: Path) -> None:
    runtime.answer(an_event("GET", "/canary-in-the-path", query="q=canary-in-the-query"))
    assert "canary" not in output.read_text(encoding="utf-8")


def test_it_does_not_start_with_what_the_owner_knows(monkeypatch: pytest.MonkeyPatch, committed_url: str) -> None:
    for name, value in {
        "CRM_ENV": "production",
        "CRM_SECRET_KEY": "k" * 40,
        "CRM_BASE_URL": "https://crm.example.org",
        "CRM_PROXY_HOPS": "0",
        "CRM_DATABASE_URL": committed_url,
        "CRM_OWNER_DATABASE_URL": str(make_url("postgresql://crm_owner@nowhere/crm")),
    }.items():
        monkeypatch.setenv(name, value)
    serverless._application.cache_clear()
    with pytest.raises(SettingsError, match="CRM_OWNER_DATABASE_URL"):
        serverless.handle(an_event("GET", "/health/live"))


def test_traces_are_handed_over_after_each_answer(committed_url: str, tmp_path: Path) -> None:
    """An environment is frozen in between: what waits for a better moment waits for hours."""
    with a_collector() as collector:
        env = {
            "CRM_DATABASE_URL": committed_url,
            "CRM_SECRET_KEY": "k" * 40,
            "CRM_DATA_DIR": str(tmp_path),
            "CRM_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        }
        with function(tmp_path / "output", env) as runtime:
            for number in (1, 2):
                assert runtime.answer(an_event("GET", "/health/live"))["statusCode"] == 200
                collector.until(lambda found, number=number: len(found) == number)  # type: ignore[misc]
