"""The states of a patient and the moves between them."""

from app.platform.states import Machine

PATIENT = Machine(
    name="patient",
    initial="active",
    moves={
        "active": ("paused", "inactive"),
        "paused": ("active", "inactive"),
        "inactive": ("active",),
        "deceased": (),
        "withdrawn": (),
        "erased": (),
    },
    from_any_open=("deceased", "withdrawn"),
    terminal=frozenset({"deceased", "withdrawn", "erased"}),
    groups={
        "active": "active",
        "paused": "active",
        "inactive": "inactive",
        "deceased": "closed",
        "withdrawn": "closed",
        "erased": "closed",
    },
    needs_reason=frozenset({"paused", "withdrawn"}),
)
