"""What every source hands on."""

from dataclasses import dataclass


@dataclass(slots=True)
class Batch:
    """
    Some records of one table, in order.

    `first` is the number of the first record (from 1 after the header, over all pages). Each row is its line in the
    file, its cells in the order of the contract's fields ('' for a column that is absent), the record as it came (JSON
    text), and whether it had to be read as Windows-1252; cells are None for a malformed record.
    """

    first: int
    rows: list[tuple[int, list[str] | None, str, bool]]
