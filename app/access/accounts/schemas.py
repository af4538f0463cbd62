from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.access.accounts.addresses import NO_ADDRESS, account_address
from app.access.openings.schemas import YesNo
from app.access.policy import HUMAN_ROLES, PERMISSIONS, Role
from app.platform.errors import Invalid
from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Instant, Label, line, one_of, whole

UserStatus = Literal["active", "invited", "disabled"]
KeyStatus = Literal["active", "rotating", "expired", "revoked"]
RoleName: Any = one_of(role.value for role in Role)
PermissionCode: Any = one_of(PERMISSIONS)


class UserFilter(PageQuery):
    """Accounts of people by name; `q` is a part of the name or the e-mail."""

    q: Label | None = None


class UserRead(Answer):
    """
    An account of a human. `email` is the work address it signs in with; `last_seen_at` of its newest session.

    `invited`: no password or passkey chosen yet.
    """

    user_account_id: UUID
    display_name: str
    email: str | None
    status: UserStatus
    roles: list[str]
    has_second_factor: bool
    has_app: bool
    has_passkey: bool
    last_seen_at: datetime | None
    version: int


def _address(value: str) -> str:
    try:
        return account_address(value)
    except Invalid:
        raise PydanticCustomError("email", NO_ADDRESS) from None


SeenVersion: Any = whole(0, 999_999_999)
OverlapDays: Any = whole(1, 30)
_HumanRole: Any = one_of(role.value for role in HUMAN_ROLES)
AccountAddress: Any = Annotated[line(254), AfterValidator(_address)]
HumanRoles: Any = Annotated[list[_HumanRole], Field(min_length=1, max_length=20)]


class Invitation(Body):
    """Somebody who is to work here, and as what."""

    display_name: Label
    email: AccountAddress
    roles: HumanRoles


class RolesOfUser(Body):
    roles: HumanRoles


class NameOfUser(Body):
    """`seen_version` is the account's version that the new name and address are meant for."""

    display_name: Label
    email: AccountAddress
    seen_version: SeenVersion


class SessionRead(Answer):
    """A browser's session of an account. `stage` is `open`, or what it waits for."""

    web_session_id: UUID
    browser: str
    source: str
    stage: str
    signed_in_at: datetime
    last_seen_at: datetime


class PasskeyRead(Answer):
    """A passkey of an account, without what it proves with."""

    passkey_id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class ApiKeyFilter(PageQuery):
    """API keys, newest first; `working` leaves out those that are dead, or those that are not."""

    working: YesNo | None = None


class ApiKeyRead(Answer):
    """A key without its secret: its text begins `crm_<prefix>_`. `scopes` null is all that the roles allow."""

    api_key_id: UUID
    name: str
    prefix: str
    user_account_id: UUID
    account_name: str
    roles: list[str]
    scopes: list[str] | None
    status: KeyStatus
    created_at: datetime
    expires_at: datetime | None
    replaced_by: UUID | None
    version: int


class ApiKeyMade(ApiKeyRead):
    """A new key. `key` is its text, which is shown here and never again."""

    key: str


class ApiKeyCreate(Body):
    """A key for the system `name`, whose service account is opened when there is none; good for a year at most."""

    name: Label
    role: RoleName
    scopes: Annotated[list[PermissionCode], Field(min_length=1, max_length=100)] | None = None
    expires_at: Instant


class ApiKeyRotation(Body):
    """For how long the old key works on beside its successor."""

    overlap_days: OverlapDays = 7
