"""
What of a request body fills which column: derived from the schema and the table, so that no list of fields stands
between them.

    _NEW = StoredFields(EapJourney, EapJourneyCreate, special={"status": "the move into it", "reason": "of the event"})
    journey = EapJourney(**_NEW.values(new), status=move.to, updated_by=actor.account_id)

    _CHANGED = StoredFields(EapJourney, EapJourneyUpdate, special={"status": "moves the journey"})
    _CHANGED.set_given(journey, change)

A field has the name of its column. One that is not stored as it is sent stands in `special` with the reason, and the
service says itself what becomes of it. A field that is neither stops the program when it starts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import BindParameter, Computed, bindparam

from app.platform.db import Base


class StoredFields:
    """
    The fields of `bodies` that are columns of `table`, without the `special` ones; `names` are in the bodies' order.

    TypeError for a field that is neither a column nor special, and for a special that no body has.
    """

    def __init__(self, table: type[Base], *bodies: type[BaseModel], special: Mapping[str, str] | None = None) -> None:
        self.special = dict(special or {})
        columns = {column.key for column in table.__table__.c if not isinstance(column.server_default, Computed)}
        fields = dict.fromkeys(name for body in bodies for name in body.model_fields)
        for body in bodies:
            for name in body.model_fields:
                if name not in columns and name not in self.special:
                    raise TypeError(f"{body.__name__}.{name} is no column of {table.__tablename__} and not special")
        if unknown := self.special.keys() - fields.keys():
            raise TypeError(f"{sorted(unknown)} are special, but no field of {[body.__name__ for body in bodies]}")
        self.names = tuple(name for name in fields if name not in self.special)

    def values(self, body: BaseModel) -> dict[str, Any]:
        """The columns of a new row: every stored field that the body's model has, its default where it was left out."""
        fields = type(body).model_fields
        return {name: getattr(body, name) for name in self.names if name in fields}

    def given(self, body: BaseModel) -> dict[str, Any]:
        """The columns that the body names, null among them."""
        return {name: getattr(body, name) for name in self.names if name in body.model_fields_set}

    def set_given(self, row: Base, body: BaseModel) -> None:
        """Set what the body names; the rest of the row stays as it is."""
        _set(row, self.given(body))

    def set_all(self, row: Base, body: BaseModel) -> None:
        """Set every stored field, for a body that replaces what the row says."""
        _set(row, self.values(body))


def _set(row: Base, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def parameters(table: type[Base], names: Iterable[str], *, prefix: str = "") -> dict[str, BindParameter[Any]]:
    """
    A parameter of a fast statement for each of these columns, of its type.

    `prefix` begins their names, so that the columns of two tables in one statement are told apart (`prefixed`).
    """
    columns = table.__table__.c
    return {name: bindparam(prefix + name, type_=columns[name].type) for name in names}


def prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for parameters with a prefix."""
    return {prefix + name: value for name, value in values.items()}
