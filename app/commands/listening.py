"""The address that `crm serve` listens on: one server has it, and its processes share it."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.mp import MPServer

from app.platform.settings import Settings, SettingsError

_BACKLOG: Final = 1024
_WAIT_SECONDS: Final = 3
"""The processes of a server that was killed hold its port for half a second more."""


class Server(MPServer):
    """
    Granian on a socket of ours, which all its processes inherit.

    By itself it lets each process bind the port anew (SO_REUSEPORT): a second server is then not refused, and shares
    the requests with the first. A socket that outlives the processes also keeps who is waiting when one is replaced.
    """

    def __init__(self, target: str, listening: socket.socket, **options: Any) -> None:
        self._listening = listening
        super().__init__(target, **options)

    def _init_shared_socket(self) -> None:
        # What granian itself does on systems without SO_REUSEPORT.
        holder = SocketHolder(self._listening.fileno(), False, _BACKLOG)  # type: ignore[call-arg]  # False: no Unix socket
        vars(self).update(_sso=self._listening, _sfd=self._listening.fileno(), _shd=holder)


@contextmanager
def bound(settings: Settings) -> Iterator[socket.socket]:
    """A socket bound to CRM_HOST and PORT that does not listen yet; SettingsError when it cannot be."""
    host, port = settings.host, settings.port
    with _explained(settings):
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    with socket.socket(family, kind, protocol) as made:
        # The remains of earlier connections do not hinder; a socket that listens does.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with _explained(settings):
            _bind(made, address)
        yield made


def listen(bound_socket: socket.socket, settings: Settings) -> None:
    """Take connections; SettingsError when another server began to in the meantime: of two, the kernel lets one."""
    with _explained(settings):
        bound_socket.listen(_BACKLOG)
    bound_socket.setblocking(False)


def _bind(made: socket.socket, address: tuple[Any, ...]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            made.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "another process listens there, set PORT to a free one or end that process"
        elif error.errno == errno.EACCES:
            why = "this user may not take that port, set PORT to 1024 or above"
        else:
            why = f"{error.strerror}, set CRM_HOST to an address of this machine"
        raise SettingsError(f"Port {settings.port} of {settings.host} cannot be served: {why}") from None
