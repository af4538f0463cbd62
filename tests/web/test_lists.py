"""Every list page, by its declaration."""

import re

import pytest
from pydantic import BaseModel

from app.access.masking import models_in
from app.web import screens  # noqa: F401 - fills LISTS
from app.web.listing import LISTS, Column, ListPage
from app.web.render import Components, build_environment

EVERY = sorted(LISTS.values(), key=lambda shown: shown.path)


def fields_of(shown: ListPage, column: Column) -> list[str]:
    """What is wrong with the place where a column reads its value."""
    first, _, rest = column.value.partition(".")
    model: type[BaseModel] | None = shown.beside_of if first == "beside" else shown.answer
    for name in (rest if first == "beside" else column.value).split("."):
        if model is None or name not in model.model_fields:
            return [f"{shown.path}: {column.key} reads {column.value}"]
        model = next(models_in(model.model_fields[name].annotation), None)
    return []


@pytest.mark.parametrize("shown", EVERY, ids=lambda shown: shown.path)
def test_every_column_is_drawn_by_a_macro_and_reads_a_field_of_its_answer(shown: ListPage) -> None:
    macros = build_environment(development=False).globals["ui"]
    assert isinstance(macros, Components)
    assert [column.cell for column in shown.columns if f"cell_{column.cell}" not in macros.names()] == []
    assert [wrong for column in shown.columns for wrong in fields_of(shown, column)] == []
    assert {*re.findall(r"{(\w+)}", " ".join(shown.opens)), shown.key} <= shown.answer.model_fields.keys()
