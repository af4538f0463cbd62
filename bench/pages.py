"""
Measure the pages of the workspace: time of the server, bytes and statements of each.

    python -m bench.pages

BENCH_PAGES_SIZE (1M patients), BENCH_PAGES_ROUNDS (30 of each page), BENCH_PAGES_RESULT (bench-pages.json).
One client, the application and the database together, no HTTP in between. CRM_DATABASE_URL or CRM_DATA_DIR say where;
the database bench_… is made and dropped.
"""

import gc
import json
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import httpx
import psycopg
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from app.access.accounts import sessions, users
from app.access.accounts.sessions import Origin
from app.access.service import command_actor
from app.main import create_app
from app.platform import clock
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from app.web.render import build_environment
from bench import workspace
from bench.__main__ import read_size
from bench.recorded import recording
from bench.runner import filled, postgres

LISTS = (
    *("/today", "/leads", "/patients", "/calls", "/tasks", "/physicians", "/hospitals", "/trials", "/programmes"),
    *("/conditions", "/notifications", "/standing-faults", "/doubles", "/duplicates", "/patients?status=active"),
    *("/calls/agenda", "/calls/agenda?view=week", "/calls/agenda?of=team"),
)
SEARCHED = ("jansen", "maria de", "P-0000000A")
"""What is typed into the search everywhere."""
SEARCHED_LISTS = ("/patients", "/leads", "/calls", "/tasks")
"""Lists that are searched by person: by one of 64 first names, and by that with a beginning of the last."""
_RECORDS = {
    "/patients/": "SELECT patient_id FROM patient ORDER BY patient_id LIMIT 1",
    "/leads/": "SELECT lead_id FROM patient_lead LIMIT 1",
    "/physicians/": "SELECT physician_id FROM physician LIMIT 1",
    "/hospitals/": "SELECT hospital_id FROM hospital LIMIT 1",
    "/trials/": "SELECT clinical_trial_id FROM clinical_trial LIMIT 1",
    "/conditions/": "SELECT medical_condition_id FROM patient LIMIT 1",
    "/duplicates/": "SELECT duplicate_candidate_id FROM duplicate_candidate LIMIT 1",
    "/people/": "SELECT person_id FROM physician LIMIT 1",
}
"""Pages of one record: the first is of the patient with the long file."""
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')
BESIDE = re.compile(r"audit_event|web_session|\ASELECT account_preference\.|pg_advisory_xact_lock")
"""Who is asking and what is kept of it; the frame of the page, in one statement, is theirs."""
_ORIGIN = "http://bench"


async def measure(url: str, size: int, rounds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """By each page: milliseconds (p50, p95), bytes unpacked and sent, statements without session and audit."""
    settings = Settings.model_validate({"database_url": url})
    database = Database(create_engine(settings, url))
    account_id, reference = await _signed_in(database)
    with psycopg.connect(url) as connection:
        workspace.fill(connection, reader=str(account_id), patients=size, tell=tell)
        records = [
            path + str(row[0]) for path, query in _RECORDS.items() if (row := connection.execute(query).fetchone())
        ]
    app = create_app(settings, database)
    # As in production: a component is looked up once, and the collector does not walk through what stays.
    app.state.templates = build_environment(development=False)
    gc.collect()
    gc.freeze()
    transport = httpx.ASGITransport(app=app)
    # A line for each request would stand among the figures.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    found: dict[str, Any] = {}
    cookies = {"crm_session": reference}
    async with httpx.AsyncClient(
        transport=transport, base_url=_ORIGIN, cookies=cookies, headers={"origin": _ORIGIN}
    ) as client:
        token = _TOKEN.search((await client.get("/leads")).text)
        assert token, "a page without a form"  # noqa: S101 - of a benchmark
        asked: dict[str, tuple[str, str, dict[str, str] | None]] = {
            path: ("GET", path, None) for path in (*LISTS, *records)
        }
        asked |= {f"/search: {q}": ("POST", "/search", {"q": q, "csrf_token": token[1]}) for q in SEARCHED}
        asked |= {
            f"{path}: {q}": ("POST", path, {"q": q, "csrf_token": token[1]})
            for path in SEARCHED_LISTS
            for q in ("maria", "maria ste")
        }
        for name, (method, path, form) in asked.items():
            with recording(database) as sent:
                first = await client.request(method, path, data=form)
            first.raise_for_status()
            times = []
            for _ in range(rounds):
                started = time.perf_counter()
                await client.request(method, path, data=form)
                times.append((time.perf_counter() - started) * 1000)
            times.sort()
            found[re.sub(r"[0-9a-f-]{36}", "…", name)] = {
                "p50_ms": median(times),
                "p95_ms": times[int(len(times) * 0.95)],
                "bytes": len(first.content),
                "sent": int(first.headers["content-length"]),
                "statements": len([one for one in sent if not BESIDE.search(one[0])]),
            }
            tell(name)
    await database.close()
    return found


async def _signed_in(database: Database) -> tuple[UUID, str]:
    """An account that sees every page of the workspace, and its session."""
    async with database.unit_of_work() as session:
        account = await users.open_user(
            session,
            command_actor(),
            email="bench@crm.example",
            display_name="Bench Mark",
            roles=("navigator", "data_steward"),
        )
        _, reference = await sessions.open_session(
            session,
            account_id=account.user_account_id,
            stage="open",
            origin=Origin("127.0.0.1", "A benchmark"),
            now=clock.now(),
        )
    return account.user_account_id, reference


def main() -> None:
    size = read_size(os.environ.get("BENCH_PAGES_SIZE", "1M"))
    rounds = int(os.environ.get("BENCH_PAGES_ROUNDS", "30"))
    console, say, started = Console(width=120), Console(stderr=True, highlight=False), time.monotonic()

    def tell(what: str) -> None:
        say.print(f"[{time.monotonic() - started:6.1f} s] {what}", markup=False)

    with postgres(Settings.from_environment()) as place, filled(place, size, tell) as (url, _, _):
        pages = uvloop.run(measure(url, size, rounds, tell))
    table = Table(title=f"Pages at {size:,} patients", title_justify="left")
    for heading in ("page", "p50 ms", "p95 ms", "bytes", "sent", "statements"):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for name, row in pages.items():
        times = (f"{row[key]:.1f}" for key in ("p50_ms", "p95_ms"))
        table.add_row(name, *times, *(f"{row[key]:,}" for key in ("bytes", "sent", "statements")))
    console.print(table)
    written = Path(os.environ.get("BENCH_PAGES_RESULT", "bench-pages.json"))
    written.write_text(json.dumps({"patients": size, "pages": pages}, indent=2, ensure_ascii=False) + "\n")
    tell(f"all figures: {written}")


if __name__ == "__main__":
    main()
