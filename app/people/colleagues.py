"""
Who works here is a person too: the account of a human is linked to their one person row, found by e-mail or made.

The contact type `patient-navigator` follows the account: it begins with the role, and ends with it or with the account.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import users
from app.access.accounts.errors import PersonHasAccount
from app.access.models import UserAccount
from app.access.policy import Role
from app.people import queries
from app.people.errors import SeveralPeopleFit
from app.people.keys import email_key
from app.people.models import ContactType, DuplicateCandidate, PersonContactType
from app.people.roles import end_role, give_role
from app.people.schemas import Intake, PersonCreate
from app.people.service import Identified, identify_or_create
from app.platform.actor import Actor
from app.platform.errors import NotFound
from app.platform.locales import _
from app.platform.periods import holds_at

log = structlog.get_logger()

NAVIGATOR = "patient-navigator"


async def open_colleague(
    session: AsyncSession,
    actor: Actor,
    *,
    email: str,
    display_name: str,
    roles: Iterable[str],
    now: datetime,
    person_id: UUID | None = None,
) -> UserAccount:
    """
    A new account of a human, linked to their person: `person_id`, or whom the e-mail and the name tell.

    Invalid for the address or roles; AccountExists; PersonHasAccount; SeveralPeopleFit.
    """
    account = await users.open_user(
        session, actor, email=email, display_name=display_name, roles=roles, person_id=person_id
    )
    await settle(session, actor, account_id=account.user_account_id, now=now, must_link=True)
    return account


async def settle(
    session: AsyncSession, actor: Actor, *, account_id: UUID, now: datetime, must_link: bool = False
) -> None:
    """
    Bring person and contact type in line with the account: to be called after each change of it. Twice is one effect.

    Where somebody would have to decide first, because the person has another account or several people could be meant,
    the account stays without one; with `must_link` that is PersonHasAccount or SeveralPeopleFit.
    """
    account = await session.get(UserAccount, account_id, with_for_update={"key_share": True}, populate_existing=True)
    if account is None or account.kind != "human":
        raise NotFound(_("There is no such account."))
    if account.person_id is None:
        try:
            await _link(session, actor, account)
        except (PersonHasAccount, SeveralPeopleFit) as error:
            if must_link:
                raise
            log.warning("account_without_person", account_id=str(account_id), code=error.error_code)
    if account.person_id is None:
        return
    held = await users.held_roles(session, account_id=account_id)
    should_be = account.is_active and Role.NAVIGATOR.value in held
    is_one = await _is_navigator(session, account.person_id, now)
    if should_be and not is_one:
        await give_role(session, actor, person_id=account.person_id, type_name=NAVIGATOR, since=now)
    elif is_one and not should_be:
        await end_role(session, actor, person_id=account.person_id, type_name=NAVIGATOR, until=now)


async def _is_navigator(session: AsyncSession, person_id: UUID, now: datetime) -> bool:
    found = await session.execute(
        select(PersonContactType.person_contact_type_id)
        .join(PersonContactType.contact_type)
        .where(
            PersonContactType.person_id == person_id,
            holds_at(PersonContactType.valid_from, PersonContactType.valid_to, at=now),
            ContactType.type_name == NAVIGATOR,
        )
        .limit(1)
    )
    return found.first() is not None


async def _link(session: AsyncSession, actor: Actor, account: UserAccount) -> None:
    new = _as_person(account)
    if new is None:
        return
    # An address that a person of another name has is not refused: anyone who opens accounts would learn whom we know.
    found = await identify_or_create(
        session,
        actor,
        new=new,
        intake=Intake(source="navigator"),
        payload={**new.model_dump(include={"first_name", "last_name", "email"}), "account": True},
        shared_email=True,
    )
    person_id = found.person.person_id
    if await session.scalar(select(exists().where(UserAccount.person_id == person_id))):
        raise PersonHasAccount
    if found.match.outcome == "shared_email_person":
        await _ask_whether_same(session, actor, found, new)
    account.person_id, account.updated_by = person_id, actor.account_id
    await session.flush()


def _as_person(account: UserAccount) -> PersonCreate | None:
    first, _, last = account.display_name.strip().partition(" ")
    try:
        return PersonCreate(first_name=first, last_name=last or None, email=account.email)
    except ValidationError:
        return None


async def _ask_whether_same(session: AsyncSession, actor: Actor, made: Identified, new: PersonCreate) -> None:
    """File the new person with each of the others of the address: nobody has said that they are different people."""
    key = email_key(new.email or "")
    others = await queries.people_of_email(session, key=key) if key else []
    own = made.person.person_id
    pairs = [
        {
            "person_id": min(own, other.person_id),
            "other_person_id": max(own, other.person_id),
            "reasons": made.match.reasons,
            "updated_by": actor.account_id,
        }
        for other in others
        if other.person_id != own
    ]
    if pairs:
        await session.execute(insert(DuplicateCandidate).values(pairs).on_conflict_do_nothing())
