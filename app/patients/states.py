"""The states of a patient and the moves between them."""

from app.platform.faults import Rule, breaks_any, fault, in_list
from app.platform.states import Machine

PATIENT = Machine(
    name="patient",
    initial="active",
    moves={
        "active": ("paused", "inactive"),
        "paused": ("active", "inactive"),
        "inactive": ("active",),
        # A mistake is undone, and a withdrawn person returns; both with a reason.
        "deceased": ("active", "paused", "inactive"),
        "withdrawn": ("active", "deceased"),
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
DEPARTED = frozenset({"deceased", "withdrawn"})
"""The states that are those of the person: entering one closes what is open of them."""
PATIENT_RULES = (
    Rule(
        fault("status_reason", "reason_needed", "This status needs a reason.", with_={"status"}),
        lambda patient: patient.status in PATIENT.needs_reason and not patient.status_reason,
        f"status IN {in_list(sorted(PATIENT.needs_reason))} AND coalesce(status_reason, '') = ''",
    ),
)
FAULTY_PATIENT_SQL = f"deleted_at IS NULL AND ({breaks_any(PATIENT_RULES)})"
