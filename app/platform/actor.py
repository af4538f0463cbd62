"""Who acts: a small value that every query and service receives."""

from dataclasses import dataclass
from uuid import UUID

from app.platform.errors import Forbidden


@dataclass(frozen=True)
class Actor:
    """
    An authenticated account with its rights at this moment.

    `permissions` holds the codes of app/access/policy.py that its roles allow. `person_id` is the human behind the
    account, None for a machine. `api_key_id` or `session_id` says by which credential it came.
    """

    account_id: UUID | None
    name: str
    roles: frozenset[str]
    permissions: frozenset[str]
    person_id: UUID | None = None
    api_key_id: UUID | None = None
    session_id: UUID | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Forbidden unless the actor has `permission`."""
        if permission not in self.permissions:
            raise Forbidden
