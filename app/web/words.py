"""Dates, times and codes as people read them. Instants are shown on the clock of the person who looks."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from functools import cache, lru_cache
from typing import Any, Final

import pycountry

from app.access.masking import HIDDEN
from app.leads.states import LEAD, codes_of
from app.people.birth_dates import BirthDate, precision_of
from app.people.suggestions import is_undoable
from app.platform import clock
from app.platform.content_types import TAKEN
from app.platform.locales import (
    Message,
    _,
    day_of_year,
    day_written,
    language,
    locale,
    month_written,
    number_text,
    read_in,
)
from app.preferences.words import LANGUAGES
from app.tasks.rules import REPORT_TITLE

_viewer_zone: ContextVar[tzinfo] = ContextVar("viewer_zone", default=UTC)


@contextmanager
def shown_in(zone: tzinfo) -> Iterator[None]:
    """Within the block instants are written in `zone`."""
    reset = _viewer_zone.set(zone)
    try:
        yield
    finally:
        _viewer_zone.reset(reset)


def local(value: datetime) -> datetime:
    """An aware instant on the clock of the person who looks at the page being rendered."""
    return value.astimezone(_viewer_zone.get())


_DAY_AS_TEXT: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def day_text(value: date) -> str:
    """A calendar day, month in letters so that nobody reads the day for the month: 4 Nov 2026."""
    return day_written(value)


def day_of_text(value: object) -> object:
    """A day that is kept as text, such as 2026-09-03, as other days are written; any other value unchanged."""
    if isinstance(value, str) and _DAY_AS_TEXT.fullmatch(value):
        with suppress(ValueError):
            return day_text(date.fromisoformat(value))
    return value


def time_text(there: datetime) -> str:
    """The time of an instant that is on the right clock: 10:12."""
    return f"{there:%H:%M}"


def moment_text(value: datetime) -> str:
    """An instant in the viewer's zone: 4 Nov 2026, 10:12."""
    there = local(value)
    return f"{day_text(there.date())}, {time_text(there)}"


_NEAR = {0: _("Today"), -1: _("Yesterday"), 1: _("Tomorrow")}


def near_text(value: datetime, now: datetime | None = None, *, in_sentence: bool = False) -> str:
    """
    An instant as people speak of it: Today, 10:12; Yesterday, 16:40; Tomorrow, 09:00; 18 Nov, 14:05; 2 Nov 2025.

    `in_sentence` writes today, yesterday and tomorrow small: changed yesterday, 16:40.
    """
    there, today = local(value), local(now or clock.now()).date()
    if name := _NEAR.get((there.date() - today).days):
        return f"{name.lower() if in_sentence else name}, {time_text(there)}"
    if there.year == today.year:
        return f"{day_of_year(there.date())}, {time_text(there)}"
    return day_text(there.date())


def near_day(value: datetime, *, in_sentence: bool = False) -> str:
    """The day of an instant as people speak of it: Today; Yesterday; Tomorrow; 19 Nov; 2 Nov 2025."""
    there, today = local(value).date(), local(clock.now()).date()
    if name := _NEAR.get((there - today).days):
        return name.lower() if in_sentence else str(name)
    return day_of_year(there) if there.year == today.year else day_text(there)


def is_past(day: date) -> bool:
    """Whether the day is over, where the page is read; whether the moment is."""
    if isinstance(day, datetime):
        return day < clock.now()
    return day < local(clock.now()).date()


def clock_of(zone: str | None) -> str | None:
    """The time that it is in a zone, with its city: 14:05 Lisbon. None where the zone is not known."""
    there = clock.zone_named(zone)
    if zone is None or there is UTC:
        return None
    return f"{clock.now().astimezone(there):%H:%M} {_city(zone)}"


def clocks(value: datetime, *zones: str | None) -> str:
    """
    The time of a booking on the clocks of whom it is with, in their order, and on the viewer's:
    10:00 in New York · 16:00 in Amsterdam; with the days where they are two. `zones` are where the person is now and
    the zone that it was booked in. The viewer's alone where it is the same clock, or none is known.
    """
    times = _on_each(value, zones)
    if len(times) == 1:
        return time_text(times[0])
    days = {there.date() for there in times}
    return " · ".join(_in_city(there, with_day=len(days) > 1) for there in times)


def their_clock(value: datetime, *zones: str | None) -> str:
    """The time of a booking on the clock of whom it is with, 10:00 in New York; empty where that is the viewer's."""
    *there, here = _on_each(value, zones)
    return _in_city(there[0], with_day=there[0].date() != here.date()) if there else ""


def clock_in(value: datetime, zone: str) -> str:
    """An instant on the clock of a zone that is known: 04:30 in New York."""
    return _in_city(value.astimezone(clock.zone_named(zone)), with_day=False)


def _in_city(there: datetime, *, with_day: bool) -> str:
    time = f"{day_of_year(there.date())}, {time_text(there)}" if with_day else time_text(there)
    return str(_("%(time)s in %(place)s", time=time, place=_city(str(there.tzinfo))))


def booked_for(value: datetime, *zones: str | None, in_sentence: bool = False) -> str:
    """When a call is booked for: Tomorrow, 10:00 in New York · 16:00 in Amsterdam."""
    if len({there.date() for there in _on_each(value, zones)}) > 1:
        return clocks(value, *zones)
    return f"{near_day(value, in_sentence=in_sentence)}, {clocks(value, *zones)}"


def unbroken(told: str) -> str:
    """Times on several clocks of which each stays in one line: its blanks are no-break spaces."""
    return told.replace(" ", "\N{NO-BREAK SPACE}").replace("·\N{NO-BREAK SPACE}", "· ")


def _on_each(value: datetime, zones: Sequence[str | None]) -> list[datetime]:
    """The moment on each clock that shows another time, in the order of these zones, on the viewer's at the end."""
    here = local(value)
    times = {here.replace(tzinfo=None): here}
    for name in zones:
        zone = clock.zone_named(name)
        # A name that is none, and one that the viewer does not see, stand for no clock.
        if str(zone) == name:
            there = value.astimezone(zone)
            times.setdefault(there.replace(tzinfo=None), there)
    return [*list(times.values())[1:], here]


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


def instant_text(value: datetime) -> str:
    """An instant as the attribute `datetime` has it: 2026-11-04T09:12Z."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def zone_text(value: datetime) -> str:
    """An instant with its zone spelt out, for titles: 4 Nov 2026, 10:12:09 CET."""
    there = local(value)
    return f"{day_text(there.date())}, {there:%H:%M:%S %Z}"


def age_on(born: date, today: date | None = None) -> int:
    """Completed years of life."""
    day = today or local(clock.now()).date()
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


SPELLINGS = {
    "pre_screening": "pre-screening",
    "pre_screen_passed": "pre-screen passed",
    "pre_screen_failed": "pre-screen failed",
    "no_show": "no-show",
    "follow_up": "follow-up",
    "lost_to_follow_up": "lost to follow-up",
    "email": "e-mail",
    "sms": "SMS",
    "absent": "not found",
    "break_glass": "break-glass",
    "admin": "administrator",
    "call_history": "call",
    "patient_lead": "lead",
    "user_account": "user",
    "web_session": "session",
    "api_key": "API key",
    "account_preference": "preferences",
    "working_week": "working hours",
    "access_opening": "access with a reason",
    "clinical_trial_journey": "CT journey",
    "ct_journey_id": "CT journey",
    "ct_journey_status": "status of the CT journey",
    "eap_journey": "EAP journey",
    "eap_journey_id": "EAP journey",
    "eap_journey_status": "status of the EAP journey",
    "eap_gate": "EAP approval",
    "qp_release": "QP release",
    "pv_training": "PV training",
    "journey_event": "move",
    "legacy_run": "run of the migration",
    "legacy_compat": "views of the old tables",
    "index_set_aside": "index that is set aside",
    "contact_type": "role",
    "patient_physician_relationship": "physician of a patient",
    "person_contact_type": "role",
    "person_departure": "death or withdrawal",
    "person_relationship": "relationship",
    "medical_condition_id": "condition",
    "hospital_id": "hospital",
    "spoke_with_person": "spoken with",
    "spoke_with_person_id": "spoken with",
    "specialization_id": "specialisation",
    "owner_id": "owner",
    "landing_page_url": "landing page",
    "phone_e164": "phone, international",
    "phone_extension": "phone, extension",
    "phone_valid": "phone number is valid",
    "is_active": "active",
    "is_primary": "primary",
    "do_not_contact_channels": "do not contact by",
    "api-keys": "API keys",
    "audit": "audit trail",
    "audit-events": "audit trail",
    "break-glass": "break-glass",
    "call-history": "calls",
    "contact-types": "roles",
    "clinical-trial-journeys": "CT journeys",
    "eap-journeys": "EAP journeys",
    "eap-programs": "programmes",
    "feeds": "calendar feed",
    "me": "account",
    "persons": "people",
    "reveals": "revealed values",
    "views": "saved views",
}
"""Codes whose words are not simply their parts."""


@lru_cache(4096)
def words(code: str) -> Message:
    """A code as a label: `on_treatment` becomes On treatment. tools/messages.py collects the codes."""
    spaced = SPELLINGS.get(code) or code.replace("_", " ").replace("-", " ").strip()
    return Message(spaced[:1].upper() + spaced[1:])


def in_sentence(label: object) -> str:
    """A label within a sentence: its first letter small, but for German, which writes nouns so, and for CT and SMS."""
    text = str(label)
    return text if language() == "de" or text[1:2].isupper() else text[:1].lower() + text[1:]


def shortened(reference: object) -> str:
    """The beginning and the end of a long reference, by which the eye knows it again: 01a2108f…c6ae."""
    text = str(reference)
    return f"{text[:8]}…{text[-4:]}" if len(text) > 16 else text  # noqa: PLR2004 - what fits is not shortened


def birth_text(value: BirthDate | date) -> str:
    """A birth date as far as it is known: 14 Mar 1979, Mar 1979, 1979."""
    written = {"day": day_text(value), "month": month_written(value), "year": str(value.year)}
    return written[precision_of(value)]


def language_name(code: str) -> str:
    """The name of a language by its code; the code itself where there is none."""
    return str(locale().languages.get(code.partition("-")[0], code))


def languages() -> Sequence[tuple[str, str]]:
    """The languages that have a code of two letters: (code, name), by name."""
    return _languages(language())


@cache
def _languages(reader: str) -> Sequence[tuple[str, str]]:
    with read_in(reader):
        found = [(one.alpha_2, language_name(one.alpha_2)) for one in pycountry.languages if hasattr(one, "alpha_2")]
    return sorted(found, key=_place_in_order)


def country_name(code: str) -> str:
    """The name of a country by its ISO code; the code itself where there is none."""
    return str(locale().territories.get(code, code))


def countries_by_name(codes: Iterable[str | None]) -> list[tuple[str, str]]:
    """Each of these countries once: (code, name), in the order of their names in the reader's language."""
    return sorted(((code, country_name(code)) for code in {*codes} if code), key=_place_in_order)


def _place_in_order(named: tuple[str, str]) -> str:
    """By what a name is put in order: Österreich stands at O, between Norwegen and Polen."""
    letters = unicodedata.normalize("NFKD", named[1].casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def person_name(person: Any) -> str:
    """The name of a person of an answer as it is written; where it is masked or missing, the reference they have."""
    parts = [part for part in (person.first_name, person.last_name) if part]
    if not parts or HIDDEN in parts:
        return str(_("Person %(reference)s", reference=person.reference))
    return " ".join(parts)


def task_title(title: str) -> str:
    """The title of a task; where the program has made it, in the reader's language."""
    return str(REPORT_TITLE) if title in _titles_of_reports() else title


@cache
def _titles_of_reports() -> frozenset[str]:
    """In every language, since it was stored in the one of who heard of the side effect."""
    found = set()
    for one in LANGUAGES:
        with read_in(one):
            found.add(str(REPORT_TITLE))
    return frozenset(found)


def reasons_to_accept(change: Any) -> list[tuple[str, str]]:
    """The codes, with their words, of which a suggested status needs one to be accepted; none for all else."""
    needs_one = (change.table_name, change.field) == ("patient_lead", "status") and change.theirs in LEAD.needs_reason
    return [(code, words(code)) for code in codes_of(change.theirs)] if needs_one else []


def is_accepted_for_good(change: Any) -> bool:
    """Whether no button takes it back when this suggested change is accepted."""
    return not is_undoable(change)


def file_size(size_bytes: int) -> str:
    """How large a file is, in the unit that one reads: 12 kB, 3.4 MB."""
    kilobytes = size_bytes / 1000
    return f"{number_text(round(kilobytes / 1000, 1))} MB" if kilobytes >= 1000 else f"{max(1, round(kilobytes))} kB"  # noqa: PLR2004


def file_kind(content_type: str) -> str:
    """What a file is called by people: PDF, DOCX."""
    return TAKEN[content_type].upper() if content_type in TAKEN else str(_("File"))


def initials(name: str) -> str:
    """Up to two letters that stand for a name; a question mark for none."""
    parts = [part for part in name.split() if part[:1].isalpha()]
    letters = [parts[0][0], parts[-1][0]] if len(parts) > 1 else [part[0] for part in parts]
    return "".join(letters).upper() or "?"


def hue(name: str) -> int:
    """A number from 0 to 5 that is always the same for the same name: which colour its avatar has."""
    return hashlib.blake2b(name.encode(), digest_size=1).digest()[0] % 6


def plural(count: int, singular: str, several: str | None = None) -> str:
    """The count with its noun: 1 patient, 12 patients."""
    return f"{number_text(count)} {singular if count == 1 else several or singular + 's'}"
