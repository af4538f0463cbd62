"""`crm demo load`, and `crm serve --demo`: synthetic data, loaded by the application itself."""

import asyncio
import logging
import os

import httpx
import typer
from fastapi import FastAPI
from rich.progress import Progress, TimeElapsedColumn

from app.access import service as access
from app.commands import read_settings, refuse_with_real_data, say
from app.commands.preparing import prepared, with_database
from app.demo.accounts import KEYS_FILE, demo_keys, demo_users, has_nobody
from app.demo.load import DEMO_SEED, Loader
from app.main import create_app
from app.platform import clock
from app.platform.db import Database
from app.platform.logs import set_up_logs
from app.platform.secret_key import with_kept_key
from app.platform.settings import Settings

demo = typer.Typer(no_args_is_help=True, help="Synthetic data for trying.")


@demo.command("load")
def demo_load() -> None:
    """Load the demo data into an empty development database and print the demo keys and users."""
    settings = with_kept_key(read_settings(), os.environ)
    with prepared(settings) as found:
        show_demo(settings, found.application)


def show_demo(settings: Settings, url: str) -> None:
    """The demo data, loaded once, and a key for each role, on stderr."""
    refuse_with_real_data(settings, "Loading demo data")

    async def work(database: Database) -> tuple[dict[str, str], dict[str, access.DemoUser]]:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = await has_nobody(database)
        keys = await demo_keys(database, settings.data_dir)
        if is_empty:
            # One line for each of its thousand requests would hide what matters.
            set_up_logs(settings.log_format, level=logging.WARNING)
            # No scan program may be there; what waits for one is shown all the same.
            scanning = create_app(settings.model_copy(update={"scan_command": ("true",)}), database)
            await _load_demo(create_app(settings, database), scanning, settings, keys)
            set_up_logs(settings.log_format)
        return keys, await demo_users(database, settings.keys)

    keys, people = asyncio.run(with_database(settings, url, work))
    say.print(f"Demo keys, kept in {settings.data_dir / KEYS_FILE}:")
    for role, key in keys.items():
        say.print(f"  {role:<18} {key}", soft_wrap=True)
    say.print(f"Demo users for {settings.base_url}/sign-in; codes of the second step: {settings.base_url}/mailbox")
    for role, user in people.items():
        say.print(f"  {role:<18} {user.email:<32} {user.password}", soft_wrap=True)


async def _load_demo(app: FastAPI, scanning: FastAPI, settings: Settings, keys: dict[str, str]) -> None:
    transport, scanned = httpx.ASGITransport(app=app), httpx.ASGITransport(app=scanning)
    async with (
        httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client,
        httpx.AsyncClient(transport=scanned, base_url=settings.base_url) as scanning_client,
    ):
        loader = Loader(client, keys, scanning=scanning_client, seed=DEMO_SEED, now=clock.now())
        if say.is_terminal:
            with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=say) as bar:
                task = bar.add_task("Demo data", total=None)
                await loader.load(lambda done, total: bar.update(task, completed=done, total=total))
            return
        say.print("Loading demo data ...")
        made = await loader.load(lambda _done, _total: None)
        say.print(f"Demo data: {made} people.")
