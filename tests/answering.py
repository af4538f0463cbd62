"""A server on loopback that stands for one of other people's: what it answers, a test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar


class Request(BaseHTTPRequestHandler):
    """One request, with its `command`, `path` and `headers`; it is answered once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    take: ClassVar[Callable[["Request"], None]]

    def do_GET(self) -> None:
        type(self).take(self)

    def do_POST(self) -> None:
        type(self).take(self)

    def body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send this."""
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(take: Callable[[Request], None]) -> Iterator[str]:
    """Where the server listens, 127.0.0.1:port, until the block ends; `take` answers each request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Taken", (Request,), {"take": staticmethod(take)}))
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
