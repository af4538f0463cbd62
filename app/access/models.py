from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.policy import Role
from app.platform.db import INTERNAL, PERSONAL, SECRET, Base, CreatedAt, Edited, Key, Rows

ACCOUNT_KINDS = ("human", "service")


class UserAccount(Edited, Base):
    """Who works here: a human (who is a person too) or a machine. Its roles stand in role_grant."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint(f"kind IN {ACCOUNT_KINDS}", name="kind_known"),
        CheckConstraint("btrim(display_name) <> ''", name="display_name_not_blank"),
        Index(
            "uq_user_account_email_key",
            "email_key",
            unique=True,
            postgresql_where=text("email_key IS NOT NULL"),
        ),
    )

    user_account_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    display_name: Mapped[str] = mapped_column(String(200), info=INTERNAL)
    email: Mapped[str | None] = mapped_column(String(255), info=PERSONAL)
    email_key: Mapped[str | None] = mapped_column(info=PERSONAL)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.person_id"), unique=True, info=INTERNAL)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), info=INTERNAL)


class RoleGrant(Base, rows=Rows.RECORD):
    """A role held by an account from `granted_at` until `revoked_at`."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(f"role IN {tuple(role.value for role in Role)}", name="role_known"),
        Index(
            "uq_role_grant_current",
            "user_account_id",
            "role",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    role_grant_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    role: Mapped[str] = mapped_column(info=INTERNAL)
    granted_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    revoked_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    revoked_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)


class ApiKey(Edited, Base):
    """
    A machine's credential: `prefix` finds the row, the SHA-256 of the secret proves it. The secret is shown once.

    `scopes` narrows what the account's roles allow to these permissions; null is all of them. A rotated key names its
    successor and lives on for the overlap.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("prefix"),
        CheckConstraint("octet_length(secret_sha256) = 32", name="secret_is_sha256"),
        Index("ix_api_key_user_account_id", "user_account_id"),
    )

    api_key_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    name: Mapped[str] = mapped_column(String(200), info=INTERNAL)
    prefix: Mapped[str] = mapped_column(String(20), info=INTERNAL)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    expires_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    revoked_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    scopes: Mapped[list[str] | None] = mapped_column(info=INTERNAL)
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("api_key.api_key_id"), info=INTERNAL)
