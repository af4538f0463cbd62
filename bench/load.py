"""
A load generator for HTTP/1.1 with keep-alive, in a process of its own: `python -m bench.load < job.json > result.json`.

No wheel of a good one exists for the machines this runs on, so it is written down to the sockets: one thread, epoll (or
kqueue), a request is sent as soon as the last one's answer is there. It costs about 15 µs of CPU per request, which
the result states (`generator_cpu_us`), so that nobody takes its cost for the server's.
"""

import base64
import json
import random
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

RECEIVE = 1 << 18


class Connection:
    """One keep-alive connection with one request on its way."""

    __slots__ = ("answer", "sent_at", "socket", "wanted")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.answer = b""
        self.wanted = 0
        self.sent_at = 0.0


def requests_of(job: dict[str, Any]) -> Iterator[bytes]:
    """
    The requests of a job without end, made from its template.

    `{number}` is a random number in `range` as 12 hexadecimal digits, `{unique}` 16 digits that never come twice,
    `{choice}` one of `choices`. All three have a fixed width in a body, so Content-Length stands in the template.
    """
    chance = random.Random(job["seed"])
    template, (low, high) = job["template"], job["range"]
    choices = job.get("choices") or [""]
    unique = job["seed"] * 10_000_000
    while True:
        unique += 1
        request = template.replace("{number}", f"{chance.randint(low, high):012x}")
        yield request.replace("{unique}", f"{unique:016d}").replace("{choice}", chance.choice(choices)).encode("ascii")


def run(job: dict[str, Any]) -> dict[str, Any]:  # noqa: C901 - one loop, without a call where none is needed
    """Send for `seconds`; the latencies in milliseconds, the number of answers by status, and this process's CPU."""
    connections = [Connection(job["host"], job["port"]) for _ in range(job["connections"])]
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    requests = requests_of(job)
    latencies: list[float] = []
    statuses: dict[str, int] = {}
    clock = time.perf_counter
    cpu = time.process_time()
    started = clock()
    ends = started + job["seconds"]
    for connection in connections:
        connection.sent_at = clock()
        connection.socket.send(next(requests))
    open_requests = len(connections)
    while open_requests:
        for key, _ in selector.select(10):
            connection = key.data
            received = connection.socket.recv(RECEIVE)
            if not received:
                raise ConnectionError("the server closed a connection")
            answer = connection.answer = connection.answer + received if connection.answer else received
            if not connection.wanted:
                head = answer.find(b"\r\n\r\n")
                if head < 0:
                    continue
                connection.wanted = head + 4 + _content_length(answer[:head])
            if len(answer) < connection.wanted:
                continue
            now = clock()
            latencies.append(now - connection.sent_at)
            status = answer[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
            connection.answer, connection.wanted = b"", 0
            if now < ends:
                request = next(requests)
                connection.sent_at = clock()
                connection.socket.send(request)
            else:
                open_requests -= 1
    took = clock() - started
    cpu = time.process_time() - cpu
    for connection in connections:
        connection.socket.close()
    latencies.sort()
    return {
        "requests": len(latencies),
        "seconds": took,
        "per_second": len(latencies) / took,
        "statuses": statuses,
        "p50_ms": _quantile(latencies, 0.50) * 1000,
        "p99_ms": _quantile(latencies, 0.99) * 1000,
        "generator_cpu_us": cpu / len(latencies) * 1e6,
    }


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        raise ValueError("an answer without Content-Length")
    return int(head[at + 15 :].partition(b"\r\n")[0])


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> None:
    """Read one job from stdin, write its result to stdout."""
    job = json.load(sys.stdin)
    job["template"] = base64.b64decode(job["template"]).decode("ascii")
    json.dump(run(job), sys.stdout)


if __name__ == "__main__":
    main()
