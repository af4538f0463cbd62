"""
Loading an empty table: its indexes and foreign keys are taken away for the time and built at the end.

All inside the phase's transaction, so a reader sees either the table before or the table after, and a killed phase leaves
nothing behind. Foreign keys are checked by one join instead of a look-up for each row. Only on a first load, and only
where a good part of the table is new: a table that is in use keeps its indexes, and nobody waits for the lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.legacy.phases.context import Context

_WORTH_IT: Final = 5_000
_STILL_WORTH_IT: Final = 4


_PLACES: Final = {
    "call_history": "(SELECT array_agg(patient_id) FROM public.patient"
    " WHERE person_id IN (SELECT person_id FROM public.call_history))",
    **{
        f"{kind}_journey": f"(SELECT array_agg(DISTINCT patient_id) FROM public.{kind}_journey)"
        for kind in ("clinical_trial", "eap")
    },
}
"""By the table: the patients whose places its rows change."""


@contextmanager
def indexes_at_the_end(context: Context, target: str, new_rows: int) -> Iterator[None]:
    """Take the indexes and foreign keys of a table away while the block fills it, where that is worth it."""
    # A dry run is one long transaction: it must not keep the tables locked for all that time.
    if (
        context.is_dry
        or not context.is_first
        or new_rows < _WORTH_IT
        or _rows_there(context, target) > _STILL_WORTH_IT * new_rows
    ):
        yield
        return
    # The owner's functions: what is taken away is kept there, so that nothing else can be built.
    away = context.all(f"SELECT take_indexes_away('{target}')")
    # Without the indexes each place of a patient in the list would be a reading of the whole table.
    context.connection.execute("SELECT set_config('crm.places', 'later', true)")
    yield
    context.connection.execute("SELECT set_config('crm.places', '', true)")
    for (name,) in away:
        context.stage(f"{target}: {name}", f"SELECT build_index('{target}', '{name}')")
    context.connection.execute(f"ANALYZE public.{target}")
    if target in _PLACES:
        context.stage(f"{target}: places in the list of patients", f"SELECT order_patients({_PLACES[target]})")


def _rows_there(context: Context, target: str) -> int:
    return int(context.all(f"SELECT count(*) FROM public.{target}")[0][0])
