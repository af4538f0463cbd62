"""What surrounds every page of somebody who is signed in: the places their roles may go to."""

from dataclasses import dataclass, replace
from datetime import tzinfo

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.sessions import Visitor
from app.access.openings import queries as openings
from app.platform import clock
from app.platform.actor import Actor
from app.preferences.schemas import PreferencesRead
from app.web import csrf
from app.web.render import Banner, Frame, NavGroup, NavItem
from app.web.words import near_text, plural, shortened, shown_in, words


@dataclass(frozen=True)
class Place:
    """An entry of the sidebar, for anyone who has `permission`; None is everybody. `about` says what one does there."""

    group: str
    permission: str | None
    item: NavItem
    about: str = ""


PLACES: tuple[Place, ...] = (
    Place("", None, NavItem("Start", "home", "/")),
    Place(
        "Patients",
        "call.write",
        NavItem("Today", "sun", "/today"),
        "Your calls, your tasks, new leads, and what has no outcome yet.",
    ),
    Place(
        "Patients",
        "lead.read",
        NavItem("Leads", "inbox", "/leads"),
        "Those who asked for help: take a lead, talk to them, decide.",
    ),
    Place(
        "Patients",
        "patient.read",
        NavItem("Patients", "users", "/patients"),
        "Find a patient, see what happened and what is next, log a call.",
    ),
    Place(
        "Patients",
        "call.read",
        NavItem("Calls", "phone", "/calls"),
        "Calls and bookings, and those that lack an outcome.",
    ),
    Place(
        "Patients",
        "task.read",
        NavItem("Tasks", "checkbox", "/tasks"),
        "What is to be done, by you and by nobody yet.",
    ),
    Place(
        "Patients",
        "came_back.read",
        NavItem("Came back", "arrow-back-up", "/came-back"),
        "Something arrived from people who have died or withdrawn. Say what is to be done.",
    ),
    Place(
        "Network",
        "physician.read",
        NavItem("Physicians", "stethoscope", "/physicians"),
        "Who treats whom, and where.",
    ),
    Place(
        "Network",
        "hospital.read",
        NavItem("Hospitals", "building-hospital", "/hospitals"),
        "Hospitals and their physicians.",
    ),
    Place(
        "Network",
        "trial.read",
        NavItem("Trials", "microscope", "/trials"),
        "Clinical trials, and the journeys into them.",
    ),
    Place(
        "Network",
        "programme.read",
        NavItem("Programmes", "pill", "/programmes"),
        "Expanded-access programmes, and the journeys into them.",
    ),
    Place(
        "Network",
        "condition.read",
        NavItem("Conditions", "report-medical", "/conditions"),
        "Medical conditions, their other names and codes.",
    ),
    Place(
        "Oversight",
        "fault.read",
        NavItem("Standing faults", "alert-triangle", "/standing-faults"),
        "Records in which something does not fit together, with what is wrong, until somebody mends it.",
    ),
    Place(
        "Oversight",
        "fault.read",
        NavItem("Doubles", "copy", "/doubles"),
        "Hospitals, conditions, programmes and physicians that are there twice, until somebody tells them apart.",
    ),
    Place(
        "Oversight",
        "audit.read",
        NavItem("Audit trail", "list-check", "/audit"),
        "Who saw or changed what, when and why. The report for a person starts here.",
    ),
    Place(
        "Oversight",
        "audit.read",
        NavItem("Break-glass", "shield-exclamation", "/break-glass"),
        "Records that were opened with a reason, and the reviews of them.",
    ),
    Place(
        "Oversight",
        "break_glass.use",
        NavItem("My accesses", "lock-open", "/break-glass/mine"),
        "Open one person's records in an emergency, and end it again.",
    ),
    Place(
        "Administration",
        "user.manage",
        NavItem("Users", "users-group", "/users"),
        "Invite people, give roles, help somebody back in, close an account.",
    ),
    Place(
        "Administration",
        "key.manage",
        NavItem("API keys", "key", "/api-keys"),
        "Keys for other systems: make, replace, revoke.",
    ),
)
"""Every group of screens adds its places here, in the order of the sidebar."""

SEARCH_HREF = "/search"
"""Where the search field of the top bar leads. Everybody has places to go to; who may search people finds them too."""

LANDING = {
    "today": "/today",
    "leads": "/leads",
    "patients": "/patients",
    "calls": "/calls",
    "physicians": "/physicians",
    "hospitals": "/hospitals",
    "trials": "/trials",
    "programmes": "/programmes",
    "conditions": "/conditions",
    "oversight": "/audit",
    "data_quality": "/standing-faults",
    "administration": "/users",
}
"""The places of which an account may say that it begins there, by their words in its preferences."""

USER_MENU = (
    NavItem("My account", "user-circle", "/account"),
    NavItem("Notifications", "bell", "/notifications"),
    NavItem("Preferences", "adjustments-horizontal", "/account/preferences"),
    NavItem("My sessions", "device-desktop", "/account/sessions"),
    NavItem("API description", "code", "/docs"),
)


def places_of(actor: Actor) -> list[Place]:
    """The places that this actor may go to."""
    return [place for place in PLACES if place.permission is None or actor.may(place.permission)]


def landing_of(actor: Actor, preferences: PreferencesRead) -> str:
    """Where the account begins after its sign-in: at the place it has chosen, as far as it may go there."""
    href = LANDING.get(preferences.landing_place)
    return href if href in {place.item.href for place in places_of(actor)} else "/"


async def with_banner(session: AsyncSession, actor: Actor | None, frame: Frame) -> Frame:
    """`frame` with what stays above every page while the actor has broken the glass: until when, and how to end it."""
    if actor is None or not actor.may("break_glass.use"):
        return frame
    opened = await openings.open_break_glass(session, actor)
    if not opened:
        return frame
    with shown_in(frame.zone):
        until = near_text(max(one.expires_at for one in opened), in_sentence=True)
    if len(opened) > 1:
        # One button cannot end several: the list ends each by itself.
        text = f"Break-glass: {plural(len(opened), 'person', 'people')} open to you, the last until {until}."
        banner = Banner(f"{text} Every use is on record.", see=("Show them", "/break-glass/mine"))
        return replace(frame, banner=banner)
    first = opened[0]
    text = f"Break-glass: person {shortened(first.person_id)} is open to you until {until}. Every use is on record."
    end = f"/break-glass/{first.access_opening_id}/end"
    banner = Banner(text, href=end, action="End it now", see=("Show the record", f"/history/persons/{first.person_id}"))
    return replace(frame, banner=banner)


def frame_for(request: Request, visitor: Visitor, preferences: PreferencesRead) -> Frame:
    """The frame of an open session. Without a zone of the account times are on the clock of its browser, once known."""
    actor = visitor.actor
    assert actor is not None  # noqa: S101 - an open session has an account
    groups: dict[str, list[NavItem]] = {}
    for place in places_of(actor):
        groups.setdefault(place.group, []).append(place.item)
    items = [item for group in groups.values() for item in group]
    return Frame(
        user_name=actor.name,
        user_role=", ".join(words(role) for role in sorted(actor.roles)) or "No role yet",
        nav=tuple(NavGroup(label, tuple(found)) for label, found in groups.items()),
        phone_nav=tuple(items[:4]),
        user_menu=USER_MENU,
        zone=_zone(request, preferences),
        density=preferences.density,
        shortcuts=preferences.shortcuts,
        sidebar_folded=preferences.sidebar_folded,
        hidden_columns=tuple(preferences.hidden_columns),
        csrf_token=csrf.masked(visitor.csrf_token),
        search_href=SEARCH_HREF,
        search_hint="Search people and references" if actor.may("person.search") else "Search pages",
    )


def _zone(request: Request, preferences: PreferencesRead) -> tzinfo:
    of_browser = request.cookies.get("zone")
    if of_browser and "time_zone" not in preferences.chosen:
        return clock.zone_named(of_browser)
    return clock.zone_named(preferences.time_zone)
