from typing import Annotated, Any

from pydantic import AfterValidator

from app.people.fields import TimeZone
from app.people.time_zones import canonical_zone
from app.platform.text import OMITTED, Answer, Body, Flag, one_of
from app.preferences.words import DENSITIES, LANDING_PLACES, LANGUAGES

PageLanguage: Any = one_of(LANGUAGES)
Density: Any = one_of(DENSITIES)
LandingPlace: Any = one_of(LANDING_PLACES)
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


class PreferencesRead(Answer):
    """What counts for the account. `chosen` are those that are its own choice; `version` is 0 until the first one."""

    language: str
    time_zone: str
    density: str
    shortcuts: bool
    landing_place: str
    sidebar_folded: bool
    chosen: list[str]
    version: int
