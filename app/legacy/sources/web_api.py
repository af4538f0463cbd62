"""
Web API JSON: pages of an entity set, chained by `@odata.nextLink`.

A choice is an integer, a lookup stands in `_x_value`, the table of a polymorphic lookup in an annotation. The
FormattedValue is a label in some user's language and time zone: never data. Pages are read row by row, so a page may
be larger than memory.
"""

import json
import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from json.decoder import WHITESPACE  # type: ignore[attr-defined]  # public by use, not in the stubs
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import unquote, urlsplit

import orjson

from app.legacy.contract import TABLES, TYPE_OF_LOOKUP, assign_columns
from app.legacy.errors import FatalExport
from app.legacy.sources.records import Batch, Record, two_files

_BLOCK: Final = 1 << 20
_LONGEST_ROW: Final = 64 << 20
_LOOKUP: Final = re.compile(r"_(.+)_value")
_MORE_RECORDS: Final = "@microsoft.dynamics.crm.morerecords"
_TABLE_OF_LOOKUP: Final = "@microsoft.dynamics.crm.lookuplogicalname"


class WebApiSource:
    """A table in one or more pages of JSON."""

    def __init__(self, table: str, paths: list[Path], named_columns: dict[str, str]) -> None:
        self.table = table
        self._named = named_columns
        links = {path: _next_link(path) for path in paths}
        self.paths = _chain(paths, links, table)
        keys: dict[str, None] = {}
        self._rows = 0
        for path in self.paths:
            for row in _rows(path):
                self._rows += 1
                keys.update(dict.fromkeys(row))
        self._keys = list(keys)
        names = [_column(key) for key in self._keys]
        positions = assign_columns(table, names, named_columns)
        self._key_of = {name: self._keys[position] for name, position in positions.items()}
        if self._rows:
            self.columns = dict(self._key_of)
        else:
            # Without a row nothing names the columns; nothing is missing either.
            self.columns = {name: name for name in TABLES[table].fields}
        used = set(self._key_of.values())
        self.ignored_columns = [k for k in self._keys if "@" not in k and k not in used]

    def batches(self, size: int) -> Iterator[Batch]:
        """The records of all pages in order."""
        fields = TABLES[self.table].fields
        keys = [self._key_of.get(name) for name in fields]
        typed = {name: self._annotation(name) for name in TYPE_OF_LOOKUP if name in fields}
        record = 0
        batch = Batch(1, [])
        for path in self.paths:
            for number, row in enumerate(_rows(path), start=1):
                record += 1
                cells = [_text(row.get(key)) if key else "" for key in keys]
                for lookup, annotation in typed.items():
                    at = fields.index(TYPE_OF_LOOKUP[lookup])
                    if not cells[at].strip() and annotation:
                        cells[at] = _text(row.get(annotation))
                plain = {key: value for key, value in row.items() if "@" not in key}
                batch.rows.append(Record(number, cells, _as_it_came(plain)))
                if len(batch.rows) >= size:
                    yield batch
                    batch = Batch(record + 1, [])
        if batch.rows:
            yield batch

    def estimated_records(self) -> int:
        """How many records there are; the pages were counted when they were checked."""
        return self._rows

    def _annotation(self, lookup: str) -> str | None:
        key = self._key_of.get(lookup)
        wanted = f"{key}{_TABLE_OF_LOOKUP}".lower()
        return next((k for k in self._keys if k.lower() == wanted), None) if key else None


def _column(key: str) -> str:
    """The column a key means: `_myt_hospital_value` is myt_hospital; an annotation is none."""
    if "@" in key:
        return ""
    found = _LOOKUP.fullmatch(key.lower())
    return found[1] if found else key.lower()


def _as_it_came(row: dict[str, Any]) -> str:
    try:
        return orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        # Half a surrogate pair, or an integer beyond 64 bits: the slower writer keeps them.
        return json.dumps(row, sort_keys=True)


def _text(value: Any) -> str:
    """A JSON value as the text a CSV cell would hold."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _chain(paths: list[Path], links: dict[Path, str | None], table: str) -> list[Path]:
    """The pages in order from the first: the one no other leads to."""
    by_name = {path.name: path for path in paths}
    led_to = {link for link in links.values() if link}
    roots = [path for path in paths if path.name not in led_to]
    if not roots:
        raise FatalExport("FILE_UNREADABLE", paths[0], "the pages lead in a circle (@odata.nextLink)")
    for path, link in links.items():
        if link and link not in by_name and not path.with_name(link).is_file():
            raise _missing_page(path, link, table)
    if len(roots) > 1:
        raise two_files(table, roots)
    page: Path | None = roots[0]
    chain: list[Path] = []
    while page is not None:
        if page in chain:
            raise FatalExport("FILE_UNREADABLE", page, "the pages lead in a circle (@odata.nextLink)")
        chain.append(page)
        link = links[page] if page in links else _next_link(page)
        if link is None:
            break
        page = by_name.get(link) or page.with_name(link)
        if not page.is_file():
            raise _missing_page(chain[-1], link, table)
        if page.stat().st_size == 0:
            raise FatalExport("FILE_EMPTY", page, "the file has no bytes; export it again")
    return chain


def _missing_page(page: Path, link: str, table: str) -> FatalExport:
    return FatalExport(
        "FILE_MISSING", page.with_name(link), f"the page of {table} that {page.name} leads to is not there"
    )


def _next_link(path: Path) -> str | None:
    """The name of the file a page leads to."""
    link: Any = None
    says_more = False
    for key, value in _members(path):
        if key.lower() == "@odata.nextlink":
            link = value
        elif key.lower() == _MORE_RECORDS:
            says_more = value is True or str(value).lower() == "true"
    if not link:
        if says_more:
            raise FatalExport(
                "FILE_MISSING", path, "the page says that more records follow and has no @odata.nextLink to them: fetch the"
                " further pages, or export again with a page size"
            )  # fmt: skip
        return None
    url = str(link)
    return unquote(Path(urlsplit(url).path or url).name)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for key, value in _members(path):
        if key == "value":
            if not isinstance(value, dict):
                raise FatalExport("FILE_UNREADABLE", path, "a row is not an object")
            yield value


def _members(path: Path) -> Iterator[tuple[str, Any]]:
    """
    The members of a page's object; each element of its `value` array as one of that name.

    Raises FatalExport where the text is not JSON, breaks off, or has no `value`.
    """
    with path.open(encoding=_encoding(path), newline="") as file:
        scanner = _Scanner(file)
        try:
            has_value = False
            scanner.expect("{")
            while not scanner.accept("}"):
                key = scanner.value()
                scanner.expect(":")
                if key == "value" and scanner.accept("["):
                    has_value = True
                    while not scanner.accept("]"):
                        yield "value", scanner.value()
                        if not scanner.accept(","):
                            scanner.expect("]")
                            break
                else:
                    yield str(key), scanner.value()
                if not scanner.accept(","):
                    scanner.expect("}")
                    break
            if not has_value:
                raise FatalExport("FILE_UNREADABLE", path, "no `value` array: not a page of the Web API")
        except (JSONDecodeError, UnicodeError) as error:
            raise FatalExport("FILE_UNREADABLE", path, f"not JSON, or broken off ({error})") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"


class _Scanner:
    """JSON values one after another from a file, without holding the file."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decode = JSONDecoder(strict=False).raw_decode

    def value(self) -> Any:
        self._skip_blanks()
        while True:
            try:
                found, end = self._decode(self._text, self._at)
            except JSONDecodeError:
                if len(self._text) - self._at > _LONGEST_ROW or not self._more():
                    raise
                continue
            if end == len(self._text) and self._more():
                continue  # a number may go on in the next block
            self._at = end
            return found

    def accept(self, character: str) -> bool:
        self._skip_blanks()
        if self._text[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def expect(self, character: str) -> None:
        if not self.accept(character):
            raise JSONDecodeError(f"expected {character!r}", self._text, self._at)

    def _skip_blanks(self) -> None:
        while True:
            self._at = WHITESPACE.match(self._text, self._at).end()
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        block = self._file.read(_BLOCK)
        self._text = self._text[self._at :] + block
        self._at = 0
        return bool(block)
