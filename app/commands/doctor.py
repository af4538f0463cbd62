"""`crm doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Final

import typer
from pydantic import SecretStr
from rich.console import Console

# The tables of the program, all of them: foreign keys name tables of other packages.
import app.models  # noqa: F401
from app.checks.findings import Check, Finding, Installation, Level
from app.checks.table import look
from app.platform.db import Database, create_engine, create_replica
from app.platform.embedded import EmbeddedError, running_already
from app.platform.logs import set_up_logs
from app.platform.roles import APPLICATION
from app.platform.secret_key import FILE
from app.platform.settings import Settings, SettingsError

_COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.WRONG: "red"}


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False) -> None:
    """
    Look at settings, machine, database, worker, mail, documents and keys, and say what is wrong and what to do.

    Ends with 0 when all is well, 1 with a warning, 2 when something is wrong. Changes nothing.
    """
    found = asyncio.run(_look(os.environ))
    worst = max(finding.level for _, finding in found)
    if as_json:
        typer.echo(json.dumps(_as_json(found, worst), indent=2))
    else:
        _print(found)
    raise typer.Exit(int(worst))


async def _look(environ: Mapping[str, str]) -> list[tuple[Check, Finding]]:
    unusable: str | None = None
    unsafe: list[str] = []
    try:
        settings, unsafe = Settings.read(environ)
    except SettingsError as error:
        # What follows is looked at all the same, as far as it can be.
        unusable, settings = str(error), _usable(environ)
    set_up_logs(settings.log_format)
    if not environ.get("CRM_SECRET_KEY") and not settings.is_production:
        with suppress(OSError):
            key = SecretStr((settings.data_dir / FILE).read_text().strip())
            settings = settings.model_copy(update={"secret_key": key})
    url = _address(settings)
    database = None if url is None else Database(create_engine(settings, url), replica=create_replica(settings))
    try:
        return await look(Installation(settings, environ, database, unsafe, unusable))
    finally:
        if database is not None:
            await database.close()


def _usable(environ: Mapping[str, str]) -> Settings:
    """The settings without those that cannot be used: each is tried alone."""
    usable = {}
    for name, value in environ.items():
        with suppress(SettingsError):
            Settings.read({name: value})
            usable[name] = value
    try:
        return Settings.read(usable)[0]
    except SettingsError:
        return Settings()


def _address(settings: Settings) -> str | None:
    """Where the application logs in; None where the embedded PostgreSQL does not run, which is not started here."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if settings.is_production:
        return None
    try:
        cluster = running_already(settings.data_dir, pg_bin=settings.pg_bin)
    except EmbeddedError:
        return None
    return None if cluster is None else cluster.url(role=APPLICATION)


def _as_json(found: list[tuple[Check, Finding]], worst: Level) -> dict[str, object]:
    return {
        "worst": worst.name.lower(),
        "checks": [
            {
                "name": check.name,
                "level": finding.level.name.lower(),
                "says": finding.says,
                "advice": finding.advice or None,
            }
            for check, finding in found
        ],
    }


def _print(found: list[tuple[Check, Finding]]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(check.name) for check, _ in found)
    for check, finding in found:
        colour, level = _COLOURS[finding.level], finding.level.name.lower()
        console.print(f"[{colour}]{level:<8}[/{colour}]{check.name:<{width}}  ", end="")
        console.print(finding.says, markup=False)
        if finding.advice:
            console.print(f"{'':<{width + 8}}  {finding.advice}", markup=False)
