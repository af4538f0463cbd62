"""The constraints that have a sentence of their own are constraints of the schema."""

from app.models import metadata
from app.patients.errors import CONSTRAINTS as PATIENT_CONSTRAINTS
from app.people.errors import CONSTRAINTS as PEOPLE_CONSTRAINTS
from app.platform.errors import AppError


def test_every_constraint_that_is_explained_exists() -> None:
    explained = {**PEOPLE_CONSTRAINTS, **PATIENT_CONSTRAINTS}
    known = {str(part.name) for table in metadata.sorted_tables for part in table.constraints}
    known |= {str(part.name) for table in metadata.sorted_tables for part in table.indexes}

    assert set(explained) <= known
    assert all(isinstance(made(), AppError) for made in explained.values())
