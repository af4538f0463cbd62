"""The content of a document as an answer: to keep, or to look at where a browser may show it."""

import asyncio
from itertools import chain
from urllib.parse import quote

import structlog
from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.concurrency import iterate_in_threadpool

from app.access.answering import Asked, Filled
from app.access.uploads import StoreUnavailable
from app.documents import service
from app.documents.errors import DocumentMasked
from app.documents.models import Document
from app.documents.schemas import DocumentRead
from app.platform.content_types import SHOWN_INLINE, TAKEN
from app.platform.crypto import Unreadable
from app.platform.file_store import StoreFailed
from app.platform.files import Files

log = structlog.get_logger()

_ALONE = "default-src 'none'; frame-ancestors 'none'; sandbox"
_NOT_IN_QUOTES = str.maketrans({'"': "_", "\\": "_"})


class DocumentContent(StreamingResponse, Filled):
    """
    A version of a document for anyone who may see it unmasked: outside the caseload with a stated reason.

    As a file to keep, unless `inline` is asked for and its kind is one that a browser may show.
    """

    def __init__(
        self, request: Request, session: AsyncSession, document: Document, *, number: int | None, inline: bool
    ) -> None:
        super().__init__(iter(()))
        self._files: Files = request.app.state.files
        self._session, self._document, self._number, self._inline = session, document, number, inline

    async def fill(self, asked: Asked) -> None:
        shown: DocumentRead = await asked.show(DocumentRead.model_validate(self._document))
        if shown.title != self._document.title:
            raise DocumentMasked
        version = await service.open_version(self._session, self._document, number=self._number)
        assert version.key is not None  # noqa: S101 - an erased one has been refused
        try:
            parts = self._files.read(version.stored_as, version.key.key_version, version.key.wrapped_key)
            beginning = await asyncio.to_thread(next, parts, b"")
        except (StoreFailed, Unreadable) as error:
            log.error("document_not_read", error=type(error).__name__)  # noqa: TRY400 - by kind
            raise StoreUnavailable from None
        self.body_iterator = iterate_in_threadpool(chain((beginning,), parts))
        is_shown = self._inline and version.content_type in SHOWN_INLINE
        name = f"{shown.title}.{TAKEN[version.content_type]}"
        plain = name.encode("ascii", "replace").decode().translate(_NOT_IN_QUOTES)
        disposition = "inline" if is_shown else "attachment"
        named = f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
        self.headers["content-disposition"] = f"{disposition}; {named}"
        self.headers["content-type"] = version.content_type if is_shown else "application/octet-stream"
        self.headers["content-length"] = str(version.size_bytes)
        self.headers["content-security-policy"] = _ALONE
        self.headers["cross-origin-resource-policy"] = "same-origin"
