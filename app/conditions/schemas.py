from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Flag, Label, Notes, line

MapType = Literal["exact", "narrower", "broader"]
Abbreviation: Any = line(50)
CodeInSystem: Any = line(50)
Display: Any = line(300)


class CodeIn(Body):
    system: Label
    code: CodeInSystem
    display: Display | None = None
    map_type: MapType = "exact"


class ConditionCreate(Body):
    name: Label
    abbreviation: Abbreviation | None = None
    description: Notes | None = None
    synonyms: Annotated[list[Label], Field(max_length=50)] = []
    codes: Annotated[list[CodeIn], Field(max_length=50)] = []


class ConditionUpdate(Body):
    """The fields given are changed; a list given replaces the list."""

    name: Label = OMITTED
    abbreviation: Abbreviation | None = OMITTED
    description: Notes | None = OMITTED
    is_active: Flag = OMITTED
    synonyms: Annotated[list[Label], Field(max_length=50)] = OMITTED
    codes: Annotated[list[CodeIn], Field(max_length=50)] = OMITTED


class ConditionFilter(PageQuery):
    """`q` begins the name, the abbreviation or a synonym, without regard to case."""

    q: Label | None = None
    is_active: Literal["true", "false"] | None = None
    sort: Literal["name", "-name"] | None = None


class CodeRead(Answer):
    system: str
    code: str
    display: str | None
    map_type: MapType


class ConditionSummary(Answer):
    """A condition inside another answer."""

    medical_condition_id: UUID
    name: str
    abbreviation: str | None


class ConditionRead(Answer):
    medical_condition_id: UUID
    name: str
    abbreviation: str | None
    description: str | None
    is_active: bool
    synonyms: list[str]
    codes: list[CodeRead]
    created_at: datetime
    updated_at: datetime
    version: int
