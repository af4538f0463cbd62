"""`crm user …`: open an account and print its invitation, list accounts, close one."""

import json
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import service as access
from app.access.accounts import queries, users
from app.access.accounts.addresses import account_key
from app.access.accounts.schemas import UserFilter, UserRead
from app.access.models import UserAccount
from app.access.policy import Role
from app.audit import service as audit
from app.commands import read_settings, say
from app.commands.preparing import in_database
from app.people import colleagues
from app.platform import clock
from app.platform.db import Database
from app.platform.errors import NotFound

commands = typer.Typer(no_args_is_help=True, help="Accounts of people.")


@commands.command("create")
def user_create(
    email: Annotated[str, typer.Option(help="Work e-mail: it signs in with it.")],
    name: Annotated[str, typer.Option(help="Name, as colleagues know it.")],
    role: Annotated[list[Role], typer.Option(help="What they may do; give it several times for several roles.")],
    person_id: Annotated[UUID | None, typer.Option(help="The person record of this human, if there is one.")] = None,
) -> None:
    """Open an account, send its invitation, and print the link (once, good for seven days)."""

    async def work(database: Database) -> tuple[str, UUID | None]:
        actor = access.command_actor()
        async with database.unit_of_work() as session:
            account = await colleagues.open_colleague(
                session,
                actor,
                email=email,
                display_name=name,
                roles=[found.value for found in role],
                now=clock.now(),
                person_id=person_id,
            )
            link = await users.invite(
                session,
                actor,
                account_id=account.user_account_id,
                base_url=read_settings().base_url,
                now=clock.now(),
            )
            await audit.write_event(session, actor, action="create_user")
        return link, account.person_id

    link, linked = in_database(work)
    if linked is None:
        say.print("The account has no person yet: give it a first and a last name on its page.")
    typer.echo(link)


@commands.command("list")
def user_list(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON list, for machines.")] = False) -> None:
    """List accounts of people by name."""
    found = in_database(_every_user)
    if as_json:
        rows = [
            {
                "user_account_id": str(user.user_account_id),
                "display_name": user.display_name,
                "email": user.email,
                "roles": user.roles,
                "status": user.status,
            }
            for user in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("Name", "E-mail", "Roles", "State", box=None)
    for user in found:
        table.add_row(user.display_name, user.email or "", ", ".join(user.roles), user.status)
    Console(highlight=False, soft_wrap=True).print(table)


@commands.command("disable")
def user_disable(email: Annotated[str, typer.Argument(help="The account's e-mail.")]) -> None:
    """Close an account: its sessions, links and keys are dead at their next request."""

    async def work(database: Database) -> None:
        actor = access.command_actor()
        async with database.unit_of_work() as session:
            account_id = await _account_id(session, email)
            await users.disable(session, actor, account_id=account_id, now=clock.now())
            await colleagues.settle(session, actor, account_id=account_id, now=clock.now())
            await audit.write_event(session, actor, action="disable_user")

    in_database(work)
    say.print("The account is closed.")


async def _every_user(database: Database) -> list[UserRead]:
    found: list[UserRead] = []
    cursor: str | None = None
    async with database.session() as session:
        while True:
            page = await queries.page_of_users(session, query=UserFilter(limit=200, cursor=cursor))
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found


async def _account_id(session: AsyncSession, email: str) -> UUID:
    found = await session.scalar(
        select(UserAccount.user_account_id).where(
            UserAccount.email_key == account_key(email), UserAccount.kind == "human"
        )
    )
    if found is None:
        raise NotFound("There is no account with this e-mail.")
    return found
