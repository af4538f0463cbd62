"""The machine and what stands in front of it: disks, time zones, the certificate that users see."""

import asyncio
import importlib.metadata
import os
import socket
import ssl
import zoneinfo
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from app.checks.findings import Finding, Installation, in_words, ok, warning, wrong
from app.platform import clock
from app.platform.settings import LOOPBACK, Settings

_MIB: Final = 1024 * 1024
_FULL_BYTES: Final = 256 * _MIB
_LOW_BYTES: Final = 2048 * _MIB
_LOW_SHARE: Final = 0.05
_OLDEST_ZONES_YEARS: Final = 2
"""Zones change several times a year; after this time some country's clock is likely wrong."""
_RENEW_WITHIN: Final = timedelta(days=21)
_CONNECT_SECONDS: Final = 5


async def disk(at: Installation) -> Finding:
    """The folders that this installation writes to. The disk of a database elsewhere is not ours to see."""
    return disk_of(at.settings)


def disk_of(settings: Settings, *, full_bytes: int = _FULL_BYTES) -> Finding:
    """The same, for who has no more than the settings."""
    room = {name: _room_in(folder) for name, folder in _folders(settings)}
    if not room:
        return ok("No folder of this machine is written to: documents and database lie elsewhere.")
    name, (free, whole) = min(room.items(), key=lambda one: one[1])
    says = f"The disk of the {name} has {free // _MIB:,} MiB free of {whole // _MIB:,}"
    # The largest file lies there twice for a moment: encrypted, and for the scan.
    if free < max(full_bytes, 2 * settings.largest_document_bytes):
        return wrong(
            f"{says}: files and rows are about to be refused.", "Make room on it, or make it larger, now.", "full"
        )
    if free < max(_LOW_BYTES, _LOW_SHARE * whole):
        return warning(f"{says}.", "Make room on it, or make it larger, soon.", "low")
    return ok(f"{says}.")


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.database_url is None:
        yield "data folder (CRM_DATA_DIR)", settings.data_dir
    if settings.documents is None:
        yield "documents (in CRM_DATA_DIR)", settings.data_dir
    elif not settings.documents.startswith("s3://"):
        yield "documents (CRM_DOCUMENTS)", Path(settings.documents)


def _room_in(folder: Path) -> tuple[int, int]:
    """Bytes that are free for us, and all, where the folder lies or will lie; none free where no file fits any more."""
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    found = os.statvfs(there)
    is_out_of_files = found.f_files > 0 and found.f_favail == 0
    return 0 if is_out_of_files else found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


async def time_zones(_at: Installation) -> Finding:
    """The rules by which times are shown to people elsewhere."""
    if not zoneinfo.available_timezones():
        return wrong("There is no time zone data.", "Install the package tzdata, of the system or of Python.")
    version = zone_version()
    if version is None:
        return warning("Time zone data is installed, and does not say of which year.", "Install the package tzdata.")
    behind = clock.now().year - int(version[:4])
    if behind >= _OLDEST_ZONES_YEARS:
        return warning(
            f"The time zone data is of {version}: times in some countries may be an hour off.",
            "Update the package tzdata of the system, which is read before that of Python.",
        )
    return ok(f"The time zone data is of {version}.")


def zone_version() -> str | None:
    """The version of the data that is read, as `2026f`: the system's where there is one, else the package's."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "UTC").exists():
            for name in ("tzdata.zi", "+VERSION"):
                with_version = folder / name
                if with_version.exists():
                    with with_version.open() as file:
                        word = file.readline().split()[-1]
                    return word if word[:4].isdigit() else None
            return None
    try:
        year, letter = importlib.metadata.version("tzdata").split(".")[:2]
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    return f"{year}{chr(ord('a') + int(letter) - 1)}"


async def certificate(at: Installation) -> Finding:
    """The end of the certificate at the address that users see."""
    address = urlsplit(at.settings.base_url)
    host = address.hostname or ""
    if address.scheme != "https":
        says = "Users come by http, so there is no certificate"
        if host in LOOPBACK:
            return ok(f"{says}: on this machine alone.")
        return warning(
            f"{says}, and what they see and type can be read on its way.", "Put a proxy with https in front."
        )
    try:
        found = await asyncio.to_thread(_certificate_of, host, address.port or 443)
    except OSError as error:
        return warning(
            f"The certificate could not be looked at: {host} is not reached from here ({type(error).__name__}).",
            "Look at it from where users are, or let this machine reach the address of CRM_BASE_URL.",
        )
    left = found.not_valid_after_utc - clock.now()
    if left <= timedelta(0):
        return wrong(
            f"The certificate of {host} ended {in_words(left)} ago: browsers refuse the address.",
            "Renew it, and let the proxy read it anew.",
        )
    if left <= _RENEW_WITHIN:
        return warning(
            f"The certificate of {host} ends in {in_words(left)}.",
            "Renew it, and see why it was not renewed by itself.",
        )
    return ok(f"The certificate of {host} ends in {in_words(left)}.")


def _certificate_of(host: str, port: int) -> x509.Certificate:
    # Only its end is looked at, an expired one too; nothing is sent by this connection.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        found = secured.getpeercert(binary_form=True)
    if found is None:
        raise ConnectionError
    return x509.load_der_x509_certificate(found)
