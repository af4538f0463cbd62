"""What can go wrong with a migration as a whole. A bad row is no error: it is an outcome with a reason."""

from datetime import datetime
from pathlib import Path


class LegacyError(Exception):
    """A migration cannot go on; the message says what to do. `code` is stable."""

    code = "LEGACY"


class FatalExport(LegacyError):
    """The export cannot be read as a whole; nothing has been written."""

    def __init__(self, code: str, path: Path | str, reason: str, *, line: int | None = None) -> None:
        self.code = code
        self.path = str(path)
        self.line = line
        at = f"{path}, line {line}" if line else f"{path}"
        super().__init__(f"{code}: {at}: {reason}")


def together(refused: list[FatalExport]) -> FatalExport:
    """One refusal that tells all of several, under the code and the file of the first."""
    first, *others = refused
    if others:
        first.args = ("\n".join(map(str, refused)),)
    return first


class AnotherRun(LegacyError):
    """Another migration is at work in this database."""

    code = "ANOTHER_RUN"

    def __init__(self) -> None:
        super().__init__("Another migration is running in this database. Wait for it, or see `crm legacy status`.")


class NotReady(LegacyError):
    """The database, or the state of the runs, does not allow what was asked."""

    code = "NOT_READY"


class Closed(LegacyError):
    """The migration has been closed: nothing more is run, corrected or undone."""

    code = "CLOSED"

    def __init__(self, run_id: int, signed_by: str, closed_at: datetime) -> None:
        super().__init__(
            f"The migration was closed with run {run_id} on {closed_at:%d %B %Y}, signed for by {signed_by}."
            " Nothing was done. `crm legacy reopen --reason …` opens it again, on record."
        )


class WorkedOn(LegacyError):
    """
    People have worked on migrated records since: undo would take their work away.

    `records` are table, key and what was done; `told` says it of the first of them with names of people and fields.
    """

    code = "WORKED_ON"

    def __init__(self, records: list[tuple[str, str, str]], told: list[str]) -> None:
        self.records = records
        shown = "\n".join(f"  {line}" for line in told)
        more = f"\n  … and {len(records) - len(told)} more" if len(records) > len(told) else ""
        super().__init__(
            f"People have worked on {len(records)} migrated record(s) since; nothing was undone:\n{shown}{more}\n"
            "Keep the run as it is, or take back the rest with `crm legacy undo --rest`: these people stay whole."
        )


class PhaseFailed(LegacyError):
    """A phase found what must not be; its work was rolled back."""

    code = "PHASE_FAILED"
