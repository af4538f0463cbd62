"""All groups of screens. A new one adds its router here, and its places to app/web/frame.py."""

from fastapi import FastAPI

from app.web import home, lock, sign_in
from app.web.guard import mount_screens

SCREENS = (home.router, sign_in.router, lock.router)


def mount_all(app: FastAPI) -> None:
    """Serve every page behind the guard; create_app does so once."""
    mount_screens(app, *SCREENS)
