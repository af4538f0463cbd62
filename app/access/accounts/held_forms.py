"""What somebody typed when their session had ended or was locked, kept for them alone until they are back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import HeldForm
from app.platform.errors import NotFound
from app.platform.locales import _

KEPT_FOR = timedelta(hours=12)
MOST = 20
"""Per account: anyone who has a dead cookie cannot fill the table."""
_NEVER_KEPT = frozenset({"csrf_token", "password", "code", "sealed"})
"""The fields of our forms that hold a secret."""


async def hold(
    session: AsyncSession, *, account_id: UUID, path: str, fields: Sequence[tuple[str, str]], now: datetime
) -> UUID | None:
    """Keep a form for the account; its id. None when too many are kept. Secrets in it are left out."""
    await session.execute(delete(HeldForm).where(HeldForm.user_account_id == account_id, HeldForm.expires_at < now))
    count = select(func.count()).select_from(HeldForm).where(HeldForm.user_account_id == account_id)
    if (await session.execute(count)).scalar_one() >= MOST:
        return None
    kept = [[name, value] for name, value in fields if name not in _NEVER_KEPT]
    form = HeldForm(user_account_id=account_id, path=path, fields={"fields": kept}, expires_at=now + KEPT_FOR)
    session.add(form)
    await session.flush()
    return form.held_form_id


async def fetch(
    session: AsyncSession, *, account_id: UUID, held_form_id: UUID, now: datetime
) -> tuple[str, list[tuple[str, str]]]:
    """Where the form goes and what was in it, for its owner. NotFound."""
    form = await session.scalar(
        select(HeldForm).where(
            HeldForm.held_form_id == held_form_id, HeldForm.user_account_id == account_id, HeldForm.expires_at > now
        )
    )
    if form is None:
        raise NotFound(_("What you typed was kept for 12 hours, which are over, or it has been sent already."))
    return form.path, [(name, value) for name, value in form.fields["fields"]]


async def drop(session: AsyncSession, *, account_id: UUID, held_form_id: UUID) -> None:
    await session.execute(
        delete(HeldForm).where(HeldForm.held_form_id == held_form_id, HeldForm.user_account_id == account_id)
    )
