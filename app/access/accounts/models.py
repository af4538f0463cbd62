from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import HEALTH, INTERNAL, PERSONAL, SECRET, Base, CreatedAt, Key, Rows

STAGES = ("second_factor", "enrolment", "open")
"""What a session still lacks: its second factor, a second factor at all, nothing."""
END_REASONS = (
    "signed_out",
    "ended_by_user",
    "ended_by_admin",
    "disabled",
    "role_changed",
    "password_changed",
    "expired",
)
LINK_PURPOSES = ("invitation", "reset")
CEREMONIES = ("enrol", "sign_in", "second_factor", "unlock")


class WebSession(Base, rows=Rows.DISPOSABLE):
    """
    Somebody signed in with a browser.

    The cookie holds a random reference, this row its SHA-256. `proved_at` is when the holder last gave a password,
    code or passkey. An ended session stays for a while, so that the browser that comes back can be told why.
    """

    __tablename__ = "web_session"
    __table_args__ = (
        UniqueConstraint("reference_sha256"),
        CheckConstraint("octet_length(reference_sha256) = 32", name="reference_is_sha256"),
        CheckConstraint(f"stage IN {STAGES}", name="stage_known"),
        CheckConstraint(f"end_reason IN {END_REASONS}", name="end_reason_known"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_for_a_reason"),
        Index("ix_web_session_user_account_id", "user_account_id", postgresql_where=text("ended_at IS NULL")),
    )

    web_session_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    reference_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    stage: Mapped[str] = mapped_column(info=INTERNAL)
    signed_in_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    last_seen_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    proved_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    ended_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    end_reason: Mapped[str | None] = mapped_column(info=INTERNAL)
    browser: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    source: Mapped[str] = mapped_column(String(64), info=PERSONAL)


class PasswordCredential(Base, rows=Rows.DISPOSABLE):
    """The Argon2id hash of an account's password, with its own salt and cost in its text."""

    __tablename__ = "password_credential"

    user_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL
    )
    created_at: Mapped[CreatedAt]
    hash: Mapped[str] = mapped_column(info=SECRET)
    changed_at: Mapped[datetime] = mapped_column(info=INTERNAL)


class TotpCredential(Base, rows=Rows.DISPOSABLE):
    """An authenticator app. `last_step` is the newest 30-second step of which a code was used: none works twice."""

    __tablename__ = "totp_credential"

    user_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL
    )
    created_at: Mapped[CreatedAt]
    secret_encrypted: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    key_version: Mapped[int] = mapped_column(server_default=text("0"), info=INTERNAL)
    """Of the master key that has sealed it."""
    last_step: Mapped[int] = mapped_column(BigInteger, info=INTERNAL)


class Passkey(Base, rows=Rows.DISPOSABLE):
    """A WebAuthn credential: what is kept is public."""

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("credential_id"), Index("ix_passkey_user_account_id", "user_account_id"))

    passkey_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    sign_count: Mapped[int] = mapped_column(BigInteger, info=INTERNAL)
    name: Mapped[str] = mapped_column(String(100), info=INTERNAL)
    transports: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), info=INTERNAL)
    last_used_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class PasskeyChallenge(Base, rows=Rows.DISPOSABLE):
    """A challenge given to a browser, valid once and for minutes; `holder_sha256` is the cookie it was given to."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        CheckConstraint(f"ceremony IN {CEREMONIES}", name="ceremony_known"),
        Index("ix_passkey_challenge_expires_at", "expires_at"),
    )

    holder_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=SECRET)
    ceremony: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)
    created_at: Mapped[CreatedAt]
    challenge: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)


class RecoveryCode(Base, rows=Rows.DISPOSABLE):
    """One of the codes for a lost second factor, as SHA-256: it holds 120 random bits, so no slow hash is needed."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_account_id", "code_sha256"),)

    recovery_code_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    code_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    used_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class OneTimeLink(Base, rows=Rows.RECORD):
    """A link sent by mail: an invitation or a password reset. Its token is kept as SHA-256."""

    __tablename__ = "one_time_link"
    __table_args__ = (
        UniqueConstraint("token_sha256"),
        CheckConstraint(f"purpose IN {LINK_PURPOSES}", name="purpose_known"),
        Index("ix_one_time_link_user_account_id", "user_account_id"),
    )

    one_time_link_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    purpose: Mapped[str] = mapped_column(info=INTERNAL)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    used_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class CalendarFeed(Base, rows=Rows.RECORD):
    """
    The address by which a calendar program asks for the booked calls of an account: its token is kept as SHA-256, and
    one lives at a time. `ended_at` is for good, also when the account gets back what it had.
    """

    __tablename__ = "calendar_feed"
    __table_args__ = (
        UniqueConstraint("token_sha256"),
        Index("uq_calendar_feed_current", "user_account_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    calendar_feed_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    ended_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class SignInAttempt(Base, rows=Rows.DISPOSABLE):
    """
    One try at a secret, or a request for a new password, by its `purpose`.

    `account_sha256` is of the key of the address that was typed, known or not; for a code, of the account's id.
    """

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        CheckConstraint("purpose IN ('sign_in', 'code', 'reset')", name="purpose_known"),
        Index("ix_sign_in_attempt_account_sha256_at", "account_sha256", "at"),
        Index("ix_sign_in_attempt_source_at", "source", "at"),
    )

    sign_in_attempt_id: Mapped[Key]
    at: Mapped[datetime] = mapped_column(info=INTERNAL)
    purpose: Mapped[str] = mapped_column(server_default=text("'sign_in'"), info=INTERNAL)
    account_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=PERSONAL)
    source: Mapped[str] = mapped_column(String(64), info=PERSONAL)
    known_device: Mapped[bool] = mapped_column(info=INTERNAL)
    succeeded: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)


class KnownDevice(Base, rows=Rows.DISPOSABLE):
    """A browser with which an account has signed in: floods from elsewhere do not hold it up."""

    __tablename__ = "known_device"
    __table_args__ = (
        UniqueConstraint("user_account_id", "reference_sha256"),
        Index("ix_known_device_last_used_at", "last_used_at"),
    )

    known_device_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    reference_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    last_used_at: Mapped[datetime] = mapped_column(info=INTERNAL)


class HeldForm(Base, rows=Rows.DISPOSABLE):
    """What somebody had typed when their session had ended: kept for them alone until they have signed in again."""

    __tablename__ = "held_form"
    __table_args__ = (Index("ix_held_form_user_account_id", "user_account_id"),)

    held_form_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    path: Mapped[str] = mapped_column(String(500), info=INTERNAL)
    fields: Mapped[dict[str, Any]] = mapped_column(info=HEALTH)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)


class OutsideIdentity(Base, rows=Rows.RECORD):
    """Who an account is at an identity provider: the pair of issuer and subject, never the e-mail."""

    __tablename__ = "outside_identity"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        Index("ix_outside_identity_user_account_id", "user_account_id"),
    )

    outside_identity_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    issuer: Mapped[str] = mapped_column(info=INTERNAL)
    subject: Mapped[str] = mapped_column(info=PERSONAL)


class OutsideSignIn(Base, rows=Rows.DISPOSABLE):
    """A sign-in that is under way at the identity provider; `holder_sha256` is the browser that began it."""

    __tablename__ = "outside_sign_in"
    __table_args__ = (Index("ix_outside_sign_in_expires_at", "expires_at"),)

    state_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=SECRET)
    created_at: Mapped[CreatedAt]
    holder_sha256: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    nonce: Mapped[str] = mapped_column(info=SECRET)
    code_verifier: Mapped[str] = mapped_column(info=SECRET)
    next_path: Mapped[str] = mapped_column(info=INTERNAL)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
