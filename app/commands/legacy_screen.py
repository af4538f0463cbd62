"""What `crm legacy` shows: progress on stderr, plans and checks on stdout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.commands import say
from app.legacy import runner
from app.legacy.checks import Check
from app.legacy.progress import Estimate, Event, OnEvent, PhaseBegun, PhaseDone, Staged, StageDone

_CHECKLIST = (
    "A backup of this database was made and restored once for practice.",
    "The export is whole: record counts of the old system were written down at its time.",
    "Rejects below are understood; corrections are in a file for `crm legacy retry`.",
    "Unknown options and spellings are in the mapping file (`crm legacy map init`).",
    "Who works here during the run was told; the old system is read-only or a later export is planned.",
)

_MINUTES_FROM = 90


class Bars:
    """Progress on a terminal: a bar for the whole run with the time left, and one for each table and each phase."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._estimate = Estimate()
        self._whole = progress.add_task("the whole run", total=100, rate="")
        self._staging: dict[str, TaskID] = {}
        self._phase = self._whole
        self._began = time.perf_counter()

    def __call__(self, event: Event) -> None:
        self._estimate(event)
        match event:
            case Staged(table, records, expected):
                task = self._staging.get(table)
                if task is None:
                    task = self._staging[table] = self._progress.add_task(f"read {table}", total=expected, rate="")
                speed = records / max(time.perf_counter() - self._began, 1e-6)
                self._progress.update(task, completed=records, total=expected, rate=f"{speed:,.0f} rows/s")
            case PhaseBegun(number, name, stages):
                self._phase = self._progress.add_task(f"{number} {name}", total=max(stages, 1), rate="")
            case StageDone(name):
                self._progress.update(self._phase, advance=1, rate=name)
            case PhaseDone(_, _, seconds, rows):
                done = self._progress.tasks[self._phase].completed or 1
                self._progress.update(self._phase, total=done, completed=done, rate=f"{rows:,} rows in {seconds:.1f} s")
        self._progress.update(self._whole, completed=int(100 * self._estimate.done), rate=_left(self._estimate))


class Lines:
    """Progress elsewhere: a line for each phase."""

    def __init__(self) -> None:
        self._estimate = Estimate()

    def __call__(self, event: Event) -> None:
        self._estimate(event)
        if isinstance(event, PhaseDone):
            speed = event.rows / event.seconds if event.seconds else 0
            left = _left(self._estimate)
            say.print(
                f"phase {event.number} {event.name}: {event.rows} rows in {event.seconds:.1f} s ({speed:,.0f} rows/s)"
                + (f"; {left}" if left else "")
            )


def _left(estimate: Estimate) -> str:
    """The time left in words, as exactly as it is known."""
    seconds = estimate.left
    if seconds is None or estimate.done >= 1:
        return ""
    if seconds < _MINUTES_FROM:
        return f"about {max(round(seconds, -1), 10):.0f} s left"
    return f"about {seconds / 60:.0f} min left"


@contextmanager
def progress() -> Iterator[OnEvent]:
    if not say.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=say) as progress:
        yield Bars(progress)


def show_done(done: runner.Done, *, dry_run: bool = False) -> None:
    if dry_run:
        typer.echo(f"Dry run: {done.rows_written} row(s) would be written ({done.seconds:.1f} s). Nothing was.")
    elif done.finished:
        typer.echo(f"Run {done.run_id} is finished: {done.rows_written} change(s) in {done.seconds:.1f} s.")
    else:
        typer.echo(f"Run {done.run_id} is stopped; `crm legacy resume` goes on.")


def show_plan(data: dict[str, Any]) -> None:
    out = Console(highlight=False)
    total = sum(phase["seconds"] for phase in data["phases"])
    counts = Table("table", "records", title="What is there")
    for table, records in data["records"].items():
        counts.add_row(table, f"{records:,}")
    dirt = Table("table", "warning", "records", title="Dirt found")
    for row in data["warnings_by_code"]:
        dirt.add_row(row["table"], row["code"], f"{row['records']:,}")
    refused = Table("table", "unit", "outcome", "reason", "records", title="What would be rejected or skipped")
    for row in data["outcomes"]:
        if row["reason"]:
            refused.add_row(row["table"], row["unit"], row["outcome"], row["reason"], f"{row['records']:,}")
    times = Table(
        "phase", "name", "seconds", "rows", title=f"Time measured: {total:.1f} s and the reading of the files"
    )
    for phase in data["phases"]:
        times.add_row(str(phase["phase"]), phase["name"], f"{phase['seconds']:.1f}", f"{phase['rows_written']:,}")
    for table in (counts, dirt, refused, times):
        out.print(table)
    work = data["workload"]
    out.print(
        f"For people afterwards: {work['pairs']:,} pair(s) who may be one person, {work['suggestions']:,} suggested"
        f" value(s), {work['rejects']:,} rejected or skipped record(s): about {work['hours']:,} hours."
    )
    unread = data["run"]["unread"]
    if unread.get("files"):
        out.print("Files that belong to no table:", ", ".join(unread["files"]))
    for name, columns in unread.get("columns", {}).items():
        out.print(f"Columns of {name} that are not read:", ", ".join(columns))
    out.print("Before the run:")
    for item in _CHECKLIST:
        out.print(f"  \\[ ] {item}")


def show_checks(found: list[Check]) -> None:
    for check in found:
        mark = "ok  " if check.holds else "FAIL"
        should = "" if check.expected is None else f" (should be {check.expected})"
        typer.echo(f"{mark} {check.name}: {check.found}{should}")
