"""What a phase works with: one connection inside the phase's transaction, named stages, rows in and out in bulk."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, Final

import psycopg

from app.legacy.contract import Frame
from app.legacy.mapping import Mapping
from app.legacy.records import copy_line

_SPOOL: Final = 32 << 20


@dataclass
class Context:
    """A phase at work. Statements may name `:run`, `:phase`, `:now`, `:tz` and `:epoch`."""

    connection: psycopg.Connection[Any]
    run_id: int
    frame: Frame
    epoch: str
    is_first: bool
    is_dry: bool = False
    mapping: Mapping = field(default_factory=Mapping)
    phase: int = 0
    say: Callable[[str], None] = lambda _: None
    stages: list[tuple[str, float, int]] = field(default_factory=list)
    written: int = 0

    def stage(self, name: str, statement: str) -> int:
        """Run a named statement; return the number of rows it made or changed."""
        started = time.perf_counter()
        cursor = self.connection.execute(self._filled(statement))
        count = max(cursor.rowcount, 0)
        self.stages.append((name, time.perf_counter() - started, count))
        self.say(name)
        return count

    def table(self, name: str, query: str) -> int:
        """Make a working or decision table from a query, replacing an earlier one; return its number of rows."""
        self.connection.execute(f"DROP TABLE IF EXISTS legacy.{name} CASCADE")
        return self.stage(name, f"CREATE UNLOGGED TABLE legacy.{name} AS {query}")

    def analyze(self, *names: str) -> None:
        """Let the planner see the tables just filled."""
        for name in names:
            self.connection.execute(f"ANALYZE legacy.{name}")

    def rows(self, query: str, *, size: int = 5_000) -> Iterator[tuple[Any, ...]]:
        """The rows of a query without holding them all."""
        with self.connection.cursor(name=f"c{time.monotonic_ns()}") as cursor:
            cursor.itersize = size
            cursor.execute(self._filled(query))
            yield from cursor

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(self._filled(query)).fetchall()

    def count(self, table: str) -> int:
        """The number of rows of a working table; a WHERE may follow its name."""
        return int(self.all(f"SELECT count(*) FROM legacy.{table}")[0][0])

    def fill(self, name: str, columns: str, rows: Iterable[Sequence[Any]]) -> int:
        """Make a working table with these columns (as SQL) and copy rows into it; return how many."""
        self.connection.execute(f"DROP TABLE IF EXISTS legacy.{name} CASCADE")
        self.connection.execute(f"CREATE UNLOGGED TABLE legacy.{name} ({columns})")
        started = time.perf_counter()
        count = 0
        # The rows may come from a cursor on this very connection, which a COPY under way would block: spool first.
        with SpooledTemporaryFile(max_size=_SPOOL, mode="w+b") as spool:
            for row in rows:
                spool.write(copy_line([_text(value) for value in row]).encode())
                count += 1
            spool.seek(0)
            with self.connection.cursor() as cursor, cursor.copy(f"COPY legacy.{name} FROM STDIN") as copy:
                while block := spool.read(1 << 18):
                    copy.write(block)
        self.stages.append((name, time.perf_counter() - started, count))
        self.say(name)
        return count

    def outcomes(self, name: str, query: str) -> None:
        """Write outcomes: the query gives table, record, unit, outcome, reason."""
        self.stage(
            f"{name}: outcomes",
            f'INSERT INTO legacy.outcome (run_id, phase, "table", record, unit, outcome, reason) '
            f"SELECT :run, :phase, q.* FROM ({query}) AS q",
        )

    def warnings(self, name: str, query: str) -> None:
        """Write warnings: the query gives table, record, code."""
        self.stage(
            f"{name}: warnings",
            f'INSERT INTO legacy.warning (run_id, phase, "table", record, code) '
            f"SELECT DISTINCT :run, :phase, q.* FROM ({query}) AS q",
        )

    def notices(self, name: str, query: str) -> None:
        """
        List what a later export changes otherwise than by a suggestion.

        The query gives code, table, source id, target, target id, field; the codes stand in report.NOTICES.
        """
        self.stage(
            f"{name}: notices",
            'INSERT INTO legacy.notice (run_id, phase, code, "table", source_id, target, target_id, field)'
            f" SELECT DISTINCT :run, :phase, q.* FROM ({query}) AS q",
        )

    def rejects(self, table: str, query: str) -> None:
        """Keep records whole for replay: the query gives record, unit, reason. Their hash is that of what came."""
        self.stage(
            f"rejects of {table}",
            'INSERT INTO legacy.reject (run_id, phase, "table", record, unit, line, reason, raw, digest)'
            f" SELECT :run, :phase, '{table}', q.record, q.unit, r.line, q.reason, r.raw, coalesce(c.digest, s.digest)"
            f" FROM ({query}) AS q(record, unit, reason)"
            f" JOIN legacy.s_{table}_raw AS r USING (record) JOIN legacy.s_{table} AS s USING (record)"
            f" LEFT JOIN (SELECT DISTINCT record, digest FROM legacy.s_corrected WHERE \"table\" = '{table}') AS c"
            " USING (record)",
        )

    def lineage(self, name: str, query: str) -> None:
        """Write lineage: the query gives target, target id, source, source id, fields."""
        self.stage(
            f"{name}: lineage",
            "INSERT INTO legacy.lineage (run_id, phase, target, target_id, source, source_id, fields) "
            f"SELECT :run, :phase, q.* FROM ({query}) AS q",
        )

    def is_new(self, target: str, key: str, value: str) -> str:
        """SQL: whether a row of ours is neither here nor was ever migrated (and then taken away by people)."""
        if self.is_first:
            return "true"
        return (
            f"(NOT EXISTS (SELECT FROM public.{target} AS t WHERE t.{key} = {value})"
            f" AND NOT EXISTS (SELECT FROM legacy.lineage AS t WHERE t.target = '{target}' AND t.target_id = {value}))"
        )

    def insert(self, target: str, columns: str, query: str) -> int:
        """Insert rows into one of the product's tables; return how many."""
        count = self.stage(f"{target}: rows", f"INSERT INTO public.{target} ({columns}) {query}")
        self.written += count
        return count

    def _filled(self, statement: str) -> str:
        for name, value in (
            (":run", str(self.run_id)),
            (":phase", str(self.phase)),
            (":now", f"timestamptz '{self.frame.now}'"),
            (":tz", f"'{self.frame.time_zone}'"),
            (":epoch", f"'{self.epoch}'"),
        ):
            statement = statement.replace(name, value)
        return statement


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if value is True:
        return "t"
    if value is False:
        return "f"
    return str(value)
