"""
Cursors of lists for anyone who sees something masked.

A cursor holds the last row's place in the order, and a list may be ordered by what is masked (calls by their time). So
such a cursor is encrypted; it opens for the account it was given to.
"""

import base64
import binascii
from typing import Any

from pydantic import SecretStr

from app.platform import crypto
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.locales import _
from app.platform.paging import Page, PageQuery

_PURPOSE = "cursor"


def sealed(answer: Any, secret_key: SecretStr, actor: Actor) -> Any:
    """`answer`, its cursor encrypted when it is a page that has one."""
    if not isinstance(answer, Page) or answer.next_cursor is None:
        return answer
    closed = crypto.seal(secret_key, purpose=_PURPOSE, owner=str(actor.account_id), plain=answer.next_cursor.encode())
    return answer.model_copy(update={"next_cursor": base64.urlsafe_b64encode(closed).decode()})


def opened(query: PageQuery, secret_key: SecretStr, actor: Actor) -> PageQuery:
    """`query` with its cursor as the list made it; Invalid for one that was not given to this account."""
    if query.cursor is None:
        return query
    try:
        closed = base64.urlsafe_b64decode(query.cursor.encode())
        plain = crypto.unseal(secret_key, purpose=_PURPOSE, owner=str(actor.account_id), sealed=closed).decode()
    except (crypto.Unreadable, binascii.Error, ValueError):
        raise invalid_field("cursor", "invalid_cursor", _("This is not a cursor of this list.")) from None
    return query.model_copy(update={"cursor": plain})
