"""
Where the database is when it may be on one of several hosts: a primary and the standbys that may follow it.

`postgresql://u@a:5432,b:5432/crm?target_session_attrs=read-write` is libpq's way to name them. SQLAlchemy does not read
two ports there, asyncpg and libpq do: `in_one_spelling` moves hosts and ports into the query, which all three read.
"""

import re
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import asyncpg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

_OF_THE_PRIMARY: Final = frozenset({"read-write", "primary"})
"""Values of `target_session_attrs`; others, and none, take the first host that answers, a standby too."""

_CONNECT_SECONDS: Final = 5
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES = 5, 2, 3
_UNANSWERED_MS: Final = 10_000
_LIBPQ_TIMES: Final[Mapping[str, Any]] = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives_idle": _IDLE_SECONDS,
    "keepalives_interval": _PROBE_SECONDS,
    "keepalives_count": _PROBES,
    "tcp_user_timeout": _UNANSWERED_MS,
}
"""
A machine that has lost its power says nothing: without these the system waits for a quarter of an hour before a
connection to it counts as lost.
"""

_ADDRESS = re.compile(r"(?P<begin>[a-z0-9+]+://(?:[^/?#]*@)?)(?P<hosts>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>\d*))?")
_PORT: Final = "5432"

Host = tuple[str, int]


class NotOfThePrimary(ValueError):
    """An address names several hosts and does not ask for the primary among them."""


def in_one_spelling(address: str) -> str:
    """
    An address of several hosts with hosts and ports in its query; any other as it is.

    ValueError for a host that cannot be read; NotOfThePrimary where several hosts may lead to a standby.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        return address
    query = dict(parse_qsl(parts["query"] or "", keep_blank_values=True))
    if "," in parts["hosts"]:
        found = [_HOST.fullmatch(host) for host in parts["hosts"].split(",")]
        if not all(host and (host["ipv6"] or host["name"]) for host in found):
            raise ValueError("a host cannot be read")
        query["host"] = ",".join(unquote(host["ipv6"] or host["name"]) for host in found if host)
        query["port"] = ",".join(host["port"] or _PORT for host in found if host)
        address = f"{parts['begin']}{parts['path']}?{urlencode(query, quote_via=quote, safe='/,')}"
    if "," in query.get("host", "") and query.get("target_session_attrs") not in _OF_THE_PRIMARY:
        raise NotOfThePrimary
    return address


def hosts_of(address: str) -> list[Host]:
    """The hosts of an address, in the spelling of `in_one_spelling`; none for one that names a single host."""
    query = make_url(address).query
    names = _listed(query.get("host"))
    ports = _listed(query.get("port")) or [_PORT]
    if len(names) < 2:  # noqa: PLR2004 - several
        return []
    if len(ports) == 1:
        ports *= len(names)
    return [(name, int(port or _PORT)) for name, port in zip(names, ports, strict=True)]


def _listed(value: str | tuple[str, ...] | None) -> list[str]:
    if value is None:
        return []
    return value.split(",") if isinstance(value, str) else list(value)


def psycopg_arguments(address: str) -> dict[str, Any]:
    """The arguments of psycopg for an address. What it says itself of times goes before ours."""
    return {**_LIBPQ_TIMES, **conninfo_to_dict(address)}


class Connector:
    """
    Makes asyncpg's connections: of several hosts to the one that is the primary, first to the one that was it last.

    Each host has its share of `timeout_seconds`: one that does not answer at all would else use up the time of all.
    """

    def __init__(self, address: str, *, timeout_seconds: float, server_settings: Mapping[str, str]) -> None:
        url = make_url(address)
        if url.get_backend_name() not in {"postgresql", "postgres"}:
            raise ValueError("CRM_DATABASE_URL must be a postgresql:// address")
        # What asyncpg does not know it would ask the server for.
        url = url.set(drivername="postgresql").difference_update_query([*_LIBPQ_TIMES, "keepalives"])
        dsn = url.render_as_string(hide_password=False)
        self._options: dict[str, Any] = {"dsn": dsn, "server_settings": dict(server_settings)}
        self._hosts: list[Host] = hosts_of(address)
        self._timeout = timeout_seconds / max(len(self._hosts), 1)

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection; the last host's error when none is the primary and answers."""
        if not self._hosts:
            return _kept_alive(await asyncpg.connect(**self._options, timeout=self._timeout))
        lost: Exception | None = None
        for place in tuple(self._hosts):
            host, port = place
            try:
                made = await asyncpg.connect(**self._options, host=host, port=port, timeout=self._timeout)
            except (
                OSError,
                asyncpg.CannotConnectNowError,
                asyncpg.PostgresConnectionError,
                asyncpg.TargetServerAttributeNotMatched,
            ) as error:
                lost = error
                continue
            self._hosts.remove(place)
            self._hosts.insert(0, place)
            return _kept_alive(made)
        assert lost is not None  # noqa: S101 - there are hosts, and each has answered or raised
        raise lost


def _kept_alive(connection: "asyncpg.Connection[asyncpg.Record]") -> "asyncpg.Connection[asyncpg.Record]":
    """The connection, which ends some seconds after its server's machine has gone silent (see _LIBPQ_TIMES)."""
    # asyncpg shows its socket in no other way.
    found = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
    if found is not None and found.family != socket.AF_UNIX:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", _IDLE_SECONDS),
            ("TCP_KEEPINTVL", _PROBE_SECONDS),
            ("TCP_KEEPCNT", _PROBES),
            ("TCP_USER_TIMEOUT", _UNANSWERED_MS),
        ):
            # Not every system has each of them.
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection
