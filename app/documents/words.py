"""The kinds of documents, and what the scan has said of a version."""

from typing import Literal

DocumentKind = Literal[
    "medical_record",
    "lab_result",
    "imaging",
    "consent",
    "approval",
    "prescription",
    "letter",
    "identification",
    "other",
]
KINDS: tuple[str, ...] = DocumentKind.__args__  # type: ignore[attr-defined]  # what Literal[…] holds

ScanStatus = Literal["not_scanned", "waiting", "passed", "refused"]
SCAN_STATUSES: tuple[str, ...] = ScanStatus.__args__  # type: ignore[attr-defined]  # as above
READABLE: tuple[str, ...] = ("not_scanned", "passed")
"""`not_scanned` is of a time at which no scan command was set."""
