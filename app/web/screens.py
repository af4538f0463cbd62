"""All groups of screens. A new one adds its router here, and its places to app/web/frame.py."""

from fastapi import FastAPI

from app.platform.settings import Settings
from app.web import (
    account,
    agenda,
    availability,
    callers,
    calls,
    came_back,
    conditions,
    documents,
    doubles,
    drafts,
    enrolment,
    facts,
    hand_over,
    histories,
    home,
    hospitals,
    keys,
    leads,
    links,
    lock,
    mailbox,
    notes,
    notifications,
    outside,
    oversight,
    passkeys,
    patients,
    peek,
    physicians,
    preferences,
    saved_views,
    search,
    sign_in,
    standing_faults,
    suggestions,
    tasks,
    today,
    trials,
    users,
)
from app.web.page_guard import mount_screens

SCREENS = (
    home.router,
    search.router,
    today.router,
    callers.router,
    leads.router,
    patients.router,
    peek.router,
    agenda.router,
    calls.router,
    tasks.router,
    physicians.router,
    hospitals.router,
    trials.router,
    conditions.router,
    facts.router,
    drafts.router,
    notes.router,
    notifications.router,
    documents.router,
    suggestions.router,
    sign_in.router,
    enrolment.router,
    passkeys.router,
    links.router,
    outside.router,
    lock.router,
    account.router,
    preferences.router,
    availability.router,
    hand_over.router,
    saved_views.router,
    users.router,
    keys.router,
    oversight.router,
    histories.router,
    came_back.router,
    standing_faults.router,
    doubles.router,
)


def mount_all(app: FastAPI) -> None:
    """Serve every page behind the page guard; create_app does so once."""
    mount_screens(app, *SCREENS)
    settings: Settings = app.state.settings
    if not settings.is_production:
        mount_screens(app, mailbox.router)
