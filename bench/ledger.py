"""Clients that write without a pause and note what was acknowledged, and what became of it."""

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import psycopg

from bench.processes import CRM

AS_TOLD = frozenset({0, 201, 409, 503})
"""What a client may see of a fault: no answer, done, the first sending still runs, try again."""


class Write(NamedTuple):
    """What a client sends: where to, what under a name, and how often each name is there in the end."""

    path: str
    body: Callable[[str], dict[str, Any]]
    question: str


def new_patient(condition_id: str) -> Write:
    def body(name: str) -> dict[str, Any]:
        person = {"first_name": name, "last_name": "Example", "email": f"{name}@example.org"}
        return {"person": person, "medical_condition_id": condition_id}

    question = "SELECT person.first_name, count(*) FROM patient JOIN person USING (person_id) GROUP BY 1"
    return Write("/api/v1/patients", body, question)


def new_note(patient_id: str) -> Write:
    """Nothing but its Idempotency-Key keeps a note from being there twice."""

    def body(name: str) -> dict[str, Any]:
        return {"patient_id": patient_id, "text": name}

    return Write("/api/v1/notes", body, "SELECT text, count(*) FROM note GROUP BY 1")


@dataclass
class Client:
    """
    Writes without a pause and notes what was acknowledged, and when.

    With `keys` each request has an Idempotency-Key and is repeated until it is answered; without, each is sent once.
    """

    name: str
    base_url: str
    key: str
    keys: bool
    write: Write
    acknowledged: list[tuple[float, str]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    longest: float = 0
    ends: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.base_url, headers=headers, timeout=15) as client:
            number = 0
            while not self.ends.is_set():
                number += 1
                self._send(client, f"{self.name}-{number}")

    def _send(self, client: httpx.Client, name: str) -> None:
        headers = {"Idempotency-Key": name} if self.keys else {}
        while True:
            begun = time.monotonic()
            try:
                status = client.post(self.write.path, json=self.write.body(name), headers=headers).status_code
            except httpx.TransportError:
                status = 0
            self.longest = max(self.longest, time.monotonic() - begun)
            self.answers[status] += 1
            if status == 201:
                self.acknowledged.append((time.monotonic(), name))
            if status == 201 or not self.keys or self.ends.is_set():
                break
            time.sleep(0.1)
        time.sleep(0.05)

    def first_after(self, moment: float) -> float | None:
        """When something was acknowledged first after this moment."""
        later = [at for at, _ in self.acknowledged[-2000:] if at > moment]
        return min(later) if later else None


@contextmanager
def writing(clients: Sequence[Client]) -> Iterator[Callable[[], None]]:
    """The clients at work until the block ends, or what it gives is called."""
    threads = [threading.Thread(target=client.run) for client in clients]

    def end() -> None:
        for client in clients:
            client.ends.set()
        for thread in threads:
            thread.join()

    for thread in threads:
        thread.start()
    try:
        yield end
    finally:
        end()


class Verdict(NamedTuple):
    acknowledged: int
    lost: int
    doubled: int
    otherwise: dict[int, int]
    """Answers that no fault explains, by status."""

    @property
    def is_well(self) -> bool:
        return self.acknowledged > 0 and not self.lost and not self.doubled and not self.otherwise

    def __str__(self) -> str:
        told = f"{self.acknowledged:,} acknowledged, {self.lost} lost, {self.doubled} twice"
        return told + (f", answers that nothing explains: {self.otherwise}" if self.otherwise else "")


def judge(url: str, clients: Sequence[Client]) -> Verdict:
    """What was acknowledged, how much of it is gone, and how much of all is there more than once."""
    there: Counter[str] = Counter()
    with psycopg.connect(url) as connection:
        for question in {client.write.question for client in clients}:
            there.update(dict(connection.execute(question.encode()).fetchall()))
    names = [name for client in clients for _, name in client.acknowledged]
    answers = sum((client.answers for client in clients), Counter[int]())
    return Verdict(
        len(names),
        sum(name not in there for name in names),
        sum(there[name] > 1 for name in there if name.rpartition("-")[0] in {client.name for client in clients}),
        {status: count for status, count in sorted(answers.items()) if status not in AS_TOLD},
    )


def service_key(url: str, name: str) -> str:
    """A navigator's key, made by the command."""
    made = subprocess.run(  # noqa: S603 - our own command
        [CRM, "api-key", "create", "--role", "navigator", "--name", name],
        env={**os.environ, "CRM_DATABASE_URL": url},
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


def first_condition(base_url: str, key: str) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    found = httpx.get(f"{base_url}/api/v1/medical-conditions", headers=headers, timeout=15).json()["items"]
    return str(found[0]["medical_condition_id"])


def status_of(ask: Callable[[], httpx.Response]) -> int:
    """The status of an answer, 0 where there is none."""
    with suppress(httpx.TransportError):
        return ask().status_code
    return 0
