from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.audit import service as audit
from app.platform.actor import Actor
from app.platform.etags import etag, require_match
from app.platform.first_rows import made_first
from app.platform.settings import Settings
from app.platform.stored_fields import StoredFields
from app.preferences.models import AccountPreference
from app.preferences.schemas import PreferencesRead, PreferencesUpdate

_CHANGED = StoredFields(AccountPreference, PreferencesUpdate)


async def preferences_of(session: AsyncSession, settings: Settings, *, account_id: UUID | None) -> PreferencesRead:
    """What counts for an account: what it has chosen, else the defaults."""
    found, _ = await preferences_with(session, settings, account_id=account_id)
    return found


async def preferences_with(
    session: AsyncSession, settings: Settings, *, account_id: UUID | None, beside: Sequence[ScalarSelect[Any]] = ()
) -> tuple[PreferencesRead, list[Any]]:
    """
    What counts for an account, and the values of what is asked with it in one statement, None for nobody.

    The statement has the parameter `account_id` and is kept, so what stands `beside` is made once as well.
    """
    found = None
    if account_id is not None:
        found = (await session.execute(_asked(tuple(beside)), {"account_id": account_id})).one_or_none()
    row, values = (None, [None] * len(beside)) if found is None else (found[0], list(found[1:]))
    defaults = {
        "language": settings.default_language,
        "time_zone": settings.default_time_zone,
        "density": "comfortable",
        "shortcuts": True,
        "landing_place": "today",
        "sidebar_folded": False,
        "hidden_columns": [],
    }
    chosen = {name: value for name in defaults if row is not None and (value := getattr(row, name)) is not None}
    counts = {**defaults, **chosen, "chosen": list(chosen), "version": 0 if row is None else row.version}
    return PreferencesRead.model_validate(counts), values


@cache
def _asked(beside: tuple[ScalarSelect[Any], ...]) -> Select[*tuple[Any, ...]]:
    of_account = AccountPreference.user_account_id == UserAccount.user_account_id
    query = select(AccountPreference, *beside).select_from(UserAccount).outerjoin(AccountPreference, of_account)
    mine = UserAccount.user_account_id == bindparam("account_id", type_=Uuid())
    return query.where(mine).execution_options(populate_existing=True)


async def change_preferences(
    session: AsyncSession,
    settings: Settings,
    actor: Actor,
    *,
    change: PreferencesUpdate,
    if_match: str | None = None,
) -> PreferencesRead:
    """Change those of the actor's own preferences that are given. Stale."""
    own = {"user_account_id": actor.account_id, "updated_by": actor.account_id}
    is_new = bool(change.model_fields_set) and await made_first(session, AccountPreference, **own)
    row = await session.get(AccountPreference, actor.account_id, with_for_update=True, populate_existing=True)
    require_match(if_match, etag(0 if row is None or is_new else row.version))
    if row is not None:
        _CHANGED.set_given(row, change)
        await session.flush()
    audit.note(session, record_type="account_preference", record_id=actor.account_id, fields=change.model_fields_set)
    return await preferences_of(session, settings, account_id=actor.account_id)
