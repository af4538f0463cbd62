"""What surrounds every page of somebody who is signed in: the places their roles may go to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.sessions import Visitor
from app.access.openings import queries as openings
from app.notifications.queries import unread_number
from app.platform import clock
from app.platform.actor import Actor
from app.platform.locales import _, ngettext, read_from_here_in
from app.platform.settings import Settings
from app.preferences.schemas import PreferencesRead
from app.preferences.service import preferences_with
from app.saved_views.queries import pinned as pinned_views
from app.saved_views.schemas import PinnedView
from app.web import csrf
from app.web.addresses import address_of_view
from app.web.render import Banner, Frame, NavGroup, NavItem, language_of
from app.web.words import in_sentence, near_text, shortened, shown_in, words


@dataclass(frozen=True)
class Place:
    """An entry of the sidebar, for anyone who has `permission`; None is everybody. `about` says what one does there."""

    group: str
    permission: str | None
    item: NavItem
    about: str = ""


PLACES: tuple[Place, ...] = (
    Place("", None, NavItem(_("Start"), "home", "/")),
    Place(
        _("Patients"),
        "call.write",
        NavItem(_("Today"), "sun", "/today"),
        _("Your calls, your tasks, new leads, and what has no outcome yet."),
    ),
    Place(
        _("Patients"),
        "lead.read",
        NavItem(_("Leads"), "inbox", "/leads"),
        _("Those who asked for help: take a lead, talk to them, decide."),
    ),
    Place(
        _("Patients"),
        "patient.read",
        NavItem(_("Patients"), "users", "/patients"),
        _("Find a patient, see what happened and what is next, log a call."),
    ),
    Place(
        _("Patients"),
        "call.read",
        NavItem(_("Calls"), "phone", "/calls"),
        _("Calls and bookings, and those that lack an outcome."),
    ),
    Place(
        _("Patients"),
        "task.read",
        NavItem(_("Tasks"), "checkbox", "/tasks"),
        _("What is to be done, by you and by nobody yet."),
    ),
    Place(
        _("Patients"),
        "document.read",
        NavItem(_("Documents"), "file-check", "/documents"),
        _("Consents and other papers, and which of them expire soon."),
    ),
    Place(
        _("Patients"),
        "suggestion.decide",
        NavItem(_("Suggested changes"), "edit", "/suggestions"),
        _("What people have sent that differs from their records: accept it, or keep ours."),
    ),
    Place(
        _("Patients"),
        "came_back.read",
        NavItem(_("Unexpected contact"), "arrow-back-up", "/came-back"),
        _("Something arrived from people who have died or withdrawn. Say what is to be done."),
    ),
    Place(
        _("Network"),
        "physician.read",
        NavItem(_("Physicians"), "stethoscope", "/physicians"),
        _("Who treats whom, and where."),
    ),
    Place(
        _("Network"),
        "hospital.read",
        NavItem(_("Hospitals"), "building-hospital", "/hospitals"),
        _("Hospitals and their physicians."),
    ),
    Place(
        _("Network"),
        "specialization.read",
        NavItem(_("Specialisations"), "list-check", "/specializations"),
        _("What physicians are specialised in, and who they are."),
    ),
    Place(
        _("Network"),
        "trial.read",
        NavItem(_("Trials"), "microscope", "/trials"),
        _("Clinical trials, and the journeys into them."),
    ),
    Place(
        _("Network"),
        "programme.read",
        NavItem(_("Programmes"), "pill", "/programmes"),
        _("Expanded-access programmes, and the journeys into them."),
    ),
    Place(
        _("Network"),
        "norm.read",
        NavItem(_("Stage norms"), "hourglass", "/stage-norms"),
        _("How many days a journey stays in a stage as a rule."),
    ),
    Place(
        _("Network"),
        "condition.read",
        NavItem(_("Conditions"), "report-medical", "/conditions"),
        _("Medical conditions, their other names and codes."),
    ),
    Place(
        _("Oversight"),
        "fault.read",
        NavItem(_("Standing faults"), "alert-triangle", "/standing-faults"),
        _("Records in which something does not fit together, with what is wrong, until somebody mends it."),
    ),
    Place(
        _("Oversight"),
        "fault.read",
        NavItem(_("Doubles"), "copy", "/doubles"),
        _("Hospitals, conditions, programmes and physicians that are there twice, until somebody tells them apart."),
    ),
    Place(
        _("Oversight"),
        "suggestion.decide",
        NavItem(_("Duplicates"), "users", "/duplicates"),
        _("People who may be one human, side by side, until somebody says that they are different."),
    ),
    Place(
        _("Oversight"),
        "audit.read",
        NavItem(_("Audit trail"), "list-check", "/audit"),
        _("Who saw or changed what, when and why. The report for a person starts here."),
    ),
    Place(
        _("Oversight"),
        "audit.read",
        NavItem(_("Break-glass"), "shield-exclamation", "/break-glass"),
        _("Records that were opened with a reason, and the reviews of them."),
    ),
    Place(
        _("Oversight"),
        "break_glass.use",
        NavItem(_("My accesses"), "lock-open", "/break-glass/mine"),
        _("Open one person's records in an emergency, and end it again."),
    ),
    Place(
        _("Oversight"),
        "export.read",
        NavItem(_("Large exports"), "file-export", "/exports"),
        _("Lists of more rows than one person may take out, and what a second person has decided."),
    ),
    Place(
        _("Administration"),
        "work.hand_over",
        NavItem(_("Hand over work"), "arrows-exchange", "/hand-over"),
        _("All open work of a colleague who is absent or leaves, given to others at once."),
    ),
    Place(
        _("Administration"),
        "user.manage",
        NavItem(_("Users"), "users-group", "/users"),
        _("Invite people, give roles, help somebody back in, close an account."),
    ),
    Place(
        _("Administration"),
        "key.manage",
        NavItem(_("API keys"), "key", "/api-keys"),
        _("Keys for other systems: make, replace, revoke."),
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
    NavItem(_("My account"), "user-circle", "/account"),
    NavItem(_("Notifications"), "bell", "/notifications"),
    NavItem(_("Preferences"), "adjustments-horizontal", "/account/preferences"),
    NavItem(_("My sessions"), "device-desktop", "/account/sessions"),
    NavItem(_("API description"), "code", "/docs"),
)


def places_of(actor: Actor) -> list[Place]:
    """The places that this actor may go to."""
    return [place for place in PLACES if place.permission is None or actor.may(place.permission)]


def labels_of_places(actor: Actor) -> dict[str, str]:
    """The places that this actor may go to: their labels by their addresses."""
    return {place.item.href: place.item.label for place in places_of(actor)}


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
        text = ngettext(
            "Break-glass: %(count)s person open to you, the last until %(until)s. Every use is on record.",
            "Break-glass: %(count)s people open to you, the last until %(until)s. Every use is on record.",
            len(opened),
            until=until,
        )
        banner = Banner(text, see=(_("Show them"), "/break-glass/mine"))
        return replace(frame, banner=banner)
    first = opened[0]
    text = _(
        "Break-glass: person %(person)s is open to you until %(until)s. Every use is on record.",
        person=shortened(first.person_id),
        until=until,
    )
    end = f"/break-glass/{first.access_opening_id}/end"
    banner = Banner(
        text, href=end, action=_("End it now"), see=(_("Show the record"), f"/history/persons/{first.person_id}")
    )
    return replace(frame, banner=banner)


async def frame_of(request: Request, session: AsyncSession, visitor: Visitor) -> Frame:
    """The frame of an open session: what its account has chosen and what waits for it are one statement."""
    actor = visitor.actor
    assert actor is not None  # noqa: S101 - an open session has an account
    settings: Settings = request.app.state.settings
    preferences, (pinned, unread) = await preferences_with(
        session, settings, account_id=actor.account_id, beside=[pinned_views(actor), unread_number(actor)]
    )
    if "language" in preferences.chosen:
        request.state.language = preferences.language
    read_from_here_in(language_of(request))
    frame = frame_for(request, visitor, preferences, [PinnedView.model_validate(view) for view in pinned or ()])
    counted = replace(frame, notifications=unread if actor.may("notification.own") else None)
    return await with_banner(session, actor, counted)


def frame_for(
    request: Request, visitor: Visitor, preferences: PreferencesRead, pinned: Sequence[PinnedView] = ()
) -> Frame:
    """The frame of an open session. Without a zone of the account times are on the clock of its browser, once known."""
    actor = visitor.actor
    assert actor is not None  # noqa: S101 - an open session has an account
    groups: dict[str, list[NavItem]] = {}
    for place in places_of(actor):
        views = [
            NavItem(view.name, "", address_of_view(place.item.href, view))
            for view in pinned
            if f"/{view.list_name}" == place.item.href
        ]
        groups.setdefault(place.group, []).append(replace(place.item, pinned=tuple(views)))
    items = [item for group in groups.values() for item in group]
    roles = [str(words(role)) for role in sorted(actor.roles)]
    return Frame(
        user_name=actor.name,
        user_role=", ".join([*roles[:1], *map(in_sentence, roles[1:])]) or _("No role yet"),
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
        search_hint=_("Search people and references") if actor.may("person.search") else _("Search pages"),
    )


def _zone(request: Request, preferences: PreferencesRead) -> tzinfo:
    of_browser = request.cookies.get("zone")
    if of_browser and "time_zone" not in preferences.chosen:
        return clock.zone_named(of_browser)
    return clock.zone_named(preferences.time_zone)
