from typing import Annotated, Any

from pydantic import AfterValidator, Field

from app.people.fields import TimeZone
from app.people.time_zones import canonical_zone
from app.platform.text import OMITTED, Answer, Body, Flag, line, one_of
from app.preferences.words import DENSITIES, LANDING_PLACES, LANGUAGES

PageLanguage: Any = one_of(LANGUAGES)
Density: Any = one_of(DENSITIES)
LandingPlace: Any = one_of(LANDING_PLACES)
ColumnOfList: Any = line(80, pattern=r"^[a-z_]+\.[a-z_]+$")
"""A column of a list page that is not shown: the list and the column, such as `leads.source`."""
Zone = Annotated[TimeZone, AfterValidator(canonical_zone)]
"""Kept by the name that is in use."""


class PreferencesUpdate(Body):
    """The fields given are changed; null goes back to what the settings say."""

    language: PageLanguage | None = OMITTED
    time_zone: Zone | None = OMITTED
    density: Density | None = OMITTED
    shortcuts: Flag | None = OMITTED
    landing_place: LandingPlace | None = OMITTED
    sidebar_folded: Flag | None = OMITTED
    hidden_columns: Annotated[list[ColumnOfList], Field(max_length=200)] | None = OMITTED


class PreferencesRead(Answer):
    """What counts for the account. `chosen` are those that are its own choice; `version` is 0 until the first one."""

    language: str
    time_zone: str
    density: str
    shortcuts: bool
    landing_place: str
    sidebar_folded: bool
    hidden_columns: list[str]
    chosen: list[str]
    version: int
