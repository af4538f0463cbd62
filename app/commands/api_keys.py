"""`crm api-key …`: keys for machines."""

from typing import Annotated

import typer

from app.access import service as access
from app.access.policy import Role
from app.audit import service as audit
from app.commands.preparing import in_database
from app.platform.db import Database

commands = typer.Typer(no_args_is_help=True, help="API keys for machines.")


@commands.command("create")
def api_key_create(
    role: Annotated[Role, typer.Option(help="What the key may do.")],
    name: Annotated[str, typer.Option(help="Whose key it is: a service account is opened under this name.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="A permission of the role to which the key is narrowed; may be repeated.")
    ] = None,
) -> None:
    """Make an API key and print it, the only time it is shown."""

    async def work(database: Database) -> str:
        actor = access.command_actor()
        async with database.unit_of_work() as session:
            key = await access.create_service_key(session, actor, role=role, name=name, scopes=scope or None)
            await audit.write_event(session, actor, action="create_api_key")
        return key

    typer.echo(in_database(work))
