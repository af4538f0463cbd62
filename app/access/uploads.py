"""
The body of a request that brings a file: a form with one file, `multipart/form-data`, also by the API.

It is read once, after it is known who asks and that they may. The file goes through an unnamed temporary file, so that
a killed process leaves none, and encrypted into the store, before the request's transaction begins: a slow client or
store holds no connection. A file whose request is refused later lies there unnamed, and the worker removes it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final

import orjson
from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.access.bodies import SlowBodies
from app.platform import errors
from app.platform.errors import AppError, invalid_field
from app.platform.file_store import StoreFailed
from app.platform.files import Files, KeptFile
from app.platform.locales import _
from app.platform.settings import Settings
from app.platform.sources import source_of

FORM: Final = "multipart/form-data"
FILE_FIELD: Final = "file"
LONGEST_SECONDS: Final = 300.0
GRACE_SECONDS: Final = 10.0
"""Before the rate is looked at: as long as any other body has."""
LEAST_BYTES_A_SECOND: Final = 8 * 1024
MOST_DROPPED_BYTES: Final = 256 * 1024 * 1024
DROP_PAUSE_SECONDS: Final = 2.0
LEAST_DROPPED_BYTES_A_SECOND: Final = 256 * 1024
"""What is left of a form that is refused is dropped as long as it comes fast, and up to so much."""
_ROOM_BYTES: Final = 128 * 1024
"""For the fields and the boundaries, beside the file."""
_MOST_FIELDS: Final = 20
_LONGEST_FIELD_BYTES: Final = 32 * 1024
_UPLOAD: Final = "crm.upload"


@dataclass(frozen=True)
class Upload:
    """What a form brought: its fields, the name that the file had, and the file, or why it was not kept."""

    fields: Mapping[str, str]
    file_name: str
    file: KeptFile | None
    fault: AppError | None = None

    def kept(self) -> KeptFile:
        """The file. What was wrong with it, where it was not kept."""
        if self.file is None:
            raise self.fault or errors.Unavailable()
        return self.file


@dataclass
class _Arrival:
    """Whether the whole body is here."""

    is_whole: bool = False


class _WholeForm(MultiPartParser):
    """A form that is refused when it ends before its last boundary: the file would be cut, or missing unsaid."""

    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self.is_whole:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("ends too early")
        return form


class TooSlowAFile(errors.TooSlow):
    code = "upload_too_slow"
    detail = _("The file did not arrive in time (five minutes, and 8 kB a second). Nothing was done; send it again.")


class StoreUnavailable(errors.Unavailable):
    code = "files_unavailable"
    detail = _("Files cannot be stored or read at the moment. Nothing was done; try again shortly.")


async def read_upload(request: Request) -> None:
    """
    Read the form once, and put its file into the store; `request.form()` gives its fields too.

    UnsupportedMedia, TooLarge, TooSlow, TooMany, Invalid, Unavailable. What is wrong with the file itself is said where
    the upload is used, together with what is wrong with the fields.
    """
    if _UPLOAD in request.scope:
        return
    files: Files = request.app.state.files
    form = await _read_form(request, files)
    try:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        found = form.get(FILE_FIELD)
        file = found if isinstance(found, UploadFile) else None
        if len(fields) + (file is not None) != len(form.multi_items()):
            raise errors.Invalid(_("The form names a field twice, or brings a file that is not asked for."))
        upload = await _keep(files, fields, file)
    finally:
        await form.close()
    request.scope[_UPLOAD] = upload
    request._form = FormData(list(fields.items()))  # noqa: SLF001 - where Starlette keeps a form that was read
    # What tells one request from another under an Idempotency-Key.
    told = {"fields": fields, "sha256": upload.file and upload.file.sha256}
    request._body = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)  # noqa: SLF001


async def _read_form(request: Request, files: Files) -> FormData:
    arrival = _Arrival()
    try:
        return await _parse(request, files, arrival)
    except (errors.UnsupportedMedia, errors.TooLarge, errors.Invalid):
        # Browsers look for an answer when all is sent: closed before that, the connection has no answer for them.
        if not arrival.is_whole and "expect" not in request.headers:
            await _drop_rest(request)
        raise


async def _drop_rest(request: Request) -> None:
    """Read what is left of a form and drop it, within the bounds."""
    dropped, started = 0, asyncio.get_running_loop().time()
    with suppress(TimeoutError):
        async with asyncio.timeout(DROP_PAUSE_SECONDS) as limit:
            while dropped < MOST_DROPPED_BYTES:
                message = await request.receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
                limit.reschedule(started + DROP_PAUSE_SECONDS + dropped / LEAST_DROPPED_BYTES_A_SECOND)


async def _parse(request: Request, files: Files, arrival: _Arrival) -> FormData:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type != FORM or encoding != "identity":
        raise errors.UnsupportedMedia(f"Send a form with a file: Content-Type: {FORM}, without a content encoding.")
    most = files.largest_bytes + _ROOM_BYTES
    length = request.headers.get("content-length")
    if length is not None and (not length.isdigit() or int(length) > most):
        raise _too_large(files)
    settings: Settings = request.app.state.settings
    slow_bodies: SlowBodies = request.app.state.slow_bodies
    refused: list[AppError] = []
    started = asyncio.get_running_loop().time()

    async def parts(limit: asyncio.Timeout) -> AsyncGenerator[bytes]:
        received = 0
        async for part in request.stream():
            received += len(part)
            if received > most:
                raise _too_large(files)
            if refused:
                raise refused[0]
            by_rate = GRACE_SECONDS + received / LEAST_BYTES_A_SECOND
            limit.reschedule(started + min(by_rate, LONGEST_SECONDS))
            yield part
        arrival.is_whole = True

    try:
        async with asyncio.timeout(GRACE_SECONDS) as limit:
            with slow_bodies.read_within(lambda: source_of(request, proxy_hops=settings.proxy_hops), limit) as refused:
                parser = _WholeForm(
                    request.headers,
                    parts(limit),
                    max_files=1,
                    max_fields=_MOST_FIELDS,
                    max_part_size=_LONGEST_FIELD_BYTES,
                )
                return await parser.parse()
    except TimeoutError:
        raise (refused[0] if refused else TooSlowAFile()) from None
    except MultiPartException:
        raise errors.Invalid(_("The body is not a form that can be read."), code="invalid_form") from None
    except OSError:
        # No room for the temporary file.
        raise StoreUnavailable from None


async def _keep(files: Files, fields: Mapping[str, str], file: UploadFile | None) -> Upload:
    if file is None or not file.size:
        missing = invalid_field(FILE_FIELD, "missing", "Choose a file that is not empty.")
        return Upload(fields, "", None, missing)
    name = file.filename or ""
    if file.size > files.largest_bytes:
        raise _too_large(files)
    try:
        kept = await asyncio.to_thread(files.keep, file.file)
    except (StoreFailed, OSError):
        raise StoreUnavailable from None
    if kept is None:
        message = (
            "This kind of file is not taken. Send a PDF, a picture, a document of an office program or plain text."
        )
        return Upload(fields, name, None, invalid_field(FILE_FIELD, "file_type_not_taken", message))
    return Upload(fields, name, kept)


def _too_large(files: Files) -> errors.TooLarge:
    return errors.TooLarge(f"The file is larger than {files.largest_mib} MiB.", code="file_too_large")


def _upload(request: Request) -> Upload:
    upload: Upload = request.scope[_UPLOAD]
    return upload


CurrentUpload = Annotated[Upload, Depends(_upload)]
"""What the request brought, for a route that declares `allow(…, upload=True)`."""
