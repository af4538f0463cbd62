"""Lists as files that a spreadsheet opens: typed answers in, masked as everywhere, a chunk at a time."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from app.access.answering import Asked, Filled, answering
from app.access.serving import State, write_event
from app.audit import service as audit
from app.platform.text import Answer

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """`value` as a cell: several values with blanks between, and what begins like a formula after an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        text = " ".join(map(str, value))
    elif hasattr(value, "isoformat"):
        text = value.isoformat()
    else:
        text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def line(values: Sequence[Any]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([cell(value) for value in values])
    return written.getvalue()


class CsvFile(StreamingResponse, Filled):
    """
    A file of these answers with a line each: the fields named by `columns`. `chunks` may be as many as there are.

    It reads after the request's event is committed, in transactions of its own: a slow reader holds no snapshot.
    """

    def __init__(
        self, request: Request, *, name: str, columns: Sequence[str], chunks: AsyncIterator[Sequence[Answer]]
    ) -> None:
        super().__init__(
            iter(()),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )
        self._request, self._columns, self._chunks = request, columns, chunks

    async def fill(self, asked: Asked) -> None:
        self.body_iterator = self._lines(asked)

    async def _lines(self, asked: Asked) -> AsyncIterator[bytes]:
        # The mark makes spreadsheets read UTF-8.
        yield ("\ufeff" + line(self._columns)).encode()
        state: State = self._request.app.state.serving
        while True:
            # A chunk is read as a list is for its page: what the actor may not ask for, it does not ask for.
            with answering(asked):
                answers = await anext(self._chunks, None)
            if answers is None:
                return
            async with state.database.unit_of_work() as session:
                shown = await Asked(session, asked.actor, asked.access).show(list(answers))
                if audit.persons(session):
                    # The request's own event was written before anybody was read.
                    action = self._request.scope["route"].name
                    await write_event(session, asked.actor, self._request, action=action)
            yield "".join(map(line, self.lines_of(shown))).encode()

    def lines_of(self, shown: Sequence[Answer]) -> Iterable[Sequence[Any]]:
        """The cells of each line that masked answers make."""
        return [[getattr(answer, name) for name in self._columns] for answer in shown]
