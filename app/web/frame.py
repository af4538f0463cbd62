"""What surrounds every page of somebody who is signed in: the places their roles may go to."""

from dataclasses import dataclass

from fastapi import Request

from app.access.accounts.sessions import Visitor
from app.web.render import Frame, NavGroup, NavItem
from app.web.words import words, zone_named


@dataclass(frozen=True)
class Place:
    """An entry of the sidebar, for whoever has `permission`; None is everybody."""

    group: str
    permission: str | None
    item: NavItem


PLACES: tuple[Place, ...] = (
    Place("", None, NavItem("Start", "home", "/")),
    Place("Administration", "user.manage", NavItem("Users", "users-group", "/users")),
    Place("Administration", "key.manage", NavItem("API keys", "key", "/api-keys")),
)
"""Every group of screens adds its places here, in the order of the sidebar."""

SEARCH_HREF: str | None = None
"""Where the search field of the top bar leads, for roles that may search people; None while there is no such page."""

USER_MENU = (
    NavItem("My account", "user-circle", "/account"),
    NavItem("My sessions", "device-desktop", "/account/sessions"),
    NavItem("API description", "code", "/docs"),
)


def frame_for(request: Request, visitor: Visitor) -> Frame:
    """The frame of an open session."""
    actor = visitor.actor
    assert actor is not None  # noqa: S101 - an open session has an account
    groups: dict[str, list[NavItem]] = {}
    for place in PLACES:
        if place.permission is None or actor.may(place.permission):
            groups.setdefault(place.group, []).append(place.item)
    items = [item for group in groups.values() for item in group]
    return Frame(
        user_name=actor.name,
        user_role=", ".join(words(role) for role in sorted(actor.roles)) or "No role yet",
        nav=tuple(NavGroup(label, tuple(found)) for label, found in groups.items()),
        phone_nav=tuple(items[:4]),
        user_menu=USER_MENU,
        zone=zone_named(request.cookies.get("zone")),
        csrf_token=visitor.csrf_token,
        search_href=SEARCH_HREF if actor.may("person.search") else None,
    )
