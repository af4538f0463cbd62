"""
Mail: written into the transaction that causes it, sent afterwards.

Sending is slow work of others, so no transaction is open meanwhile: a mail is claimed and that is committed, then it is
sent, then the outcome is committed. A mail that could not be sent stays and is tried again; the body, which may hold a
one-time link, is wiped once it has left. Without an SMTP server mails stay here, and in development the mailbox page
shows them.
"""

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Index, SmallInteger, String, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform import clock
from app.platform.db import INTERNAL, PERSONAL, SECRET, Base, CreatedAt, Database, Key, Rows
from app.platform.settings import Settings, SmtpSecurity
from app.platform.text import Answer

log = structlog.get_logger()

TIMEOUT_SECONDS = 20
"""For each word of the SMTP server but its last."""
ANSWER_SECONDS = 300
"""For its words before and after the text, which it may check for long (RFC 5321, 4.5.3.2)."""
CLAIM = timedelta(minutes=15)
"""Longer than sending takes, shorter than a link lives. A mail whose sender died is taken again after this time."""
TRIES = 8
BATCH = 20


class OutgoingMail(Base, rows=Rows.DISPOSABLE):
    """A mail to be sent, or sent (its body wiped). After a failure it waits until `due_at`."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (Index("ix_outgoing_mail_due_at", "due_at", postgresql_where=text("sent_at IS NULL")),)

    outgoing_mail_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    to_address: Mapped[str] = mapped_column(String(255), info=PERSONAL)
    subject: Mapped[str] = mapped_column(String(200), info=INTERNAL)
    body: Mapped[str | None] = mapped_column(info=SECRET)
    due_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    sent_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"), info=INTERNAL)


class MailRead(Answer):
    """A mail as the mailbox of a development server shows it."""

    to_address: str
    subject: str
    body: str | None
    created_at: datetime


async def write_mail(session: AsyncSession, *, to_address: str, subject: str, body: str) -> UUID:
    """Put a mail into this transaction; it leaves after the commit."""
    mail = OutgoingMail(to_address=to_address, subject=subject, body=body, due_at=clock.now())
    session.add(mail)
    await session.flush()
    return mail.outgoing_mail_id


class _NoAnswer(Exception):
    """The text was handed over and no answer came: nobody knows whether the mail was taken."""


@dataclass(frozen=True)
class _Claimed:
    mail_id: UUID
    to_address: str
    subject: str
    body: str
    tries: int


async def send_waiting(database: Database, settings: Settings) -> int:
    """
    Send up to 20 mails that are due; the number sent. Without CRM_SMTP_HOST nothing is sent.

    Several processes may do this at once: one claims a mail, and it is nobody else's for the time of CLAIM. A mail that
    was refused is tried again after 1, 2, 4 ... minutes, eight times in all; one to which the server did not say yes or
    no is tried once more.
    """
    if settings.smtp_host is None:
        return 0
    sent = 0
    for _ in range(BATCH):
        claimed = await _claim(database)
        if claimed is None:
            break
        sent += await _send_claimed(database, settings, claimed)
    return sent


async def _claim(database: Database) -> _Claimed | None:
    """The mail that has been due for longest, with this try already counted: a sender may die before it can say so."""
    now = clock.now()
    due = (
        select(OutgoingMail)
        .where(OutgoingMail.sent_at.is_(None), OutgoingMail.due_at <= now, OutgoingMail.tries < TRIES)
        .order_by(OutgoingMail.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    async with database.unit_of_work() as session:
        mail = await session.scalar(due)
        if mail is None:
            return None
        mail.tries += 1
        mail.due_at = now + CLAIM
        return _Claimed(mail.outgoing_mail_id, mail.to_address, mail.subject, mail.body or "", mail.tries)


async def _send_claimed(database: Database, settings: Settings, claimed: _Claimed) -> bool:
    try:
        await _in_thread(lambda: _send(settings, claimed))
    except _NoAnswer:
        log.warning("mail_not_answered", count=claimed.tries)
        outcome = {"tries": max(claimed.tries, TRIES - 1), "due_at": clock.now() + _pause(claimed.tries)}
    except (OSError, ValueError) as error:
        # ValueError: a header that cannot be written. It must not hold up the mails behind it.
        # The server's words may quote the address.
        log.warning("mail_not_sent", error=type(error).__name__, count=claimed.tries)
        outcome = {"due_at": clock.now() + _pause(claimed.tries)}
    else:
        outcome = {"sent_at": clock.now(), "body": None}
    async with database.unit_of_work() as session:
        # A sender that comes back after its time has nothing to say about a mail that somebody else has taken since,
        # except that it was sent.
        mine = OutgoingMail.outgoing_mail_id == claimed.mail_id, OutgoingMail.sent_at.is_(None)
        still_mine = () if "sent_at" in outcome else (OutgoingMail.tries == claimed.tries,)
        await session.execute(update(OutgoingMail).where(*mine, *still_mine).values(**outcome))
    return "sent_at" in outcome


def _pause(tries: int) -> timedelta:
    return timedelta(minutes=2 ** (tries - 1))


async def _in_thread(work: Callable[[], None]) -> None:
    """As `asyncio.to_thread`, by a thread that does not hold up the end of the process: the mail stays claimed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name="mail", daemon=True).start()
    await done


class _AnswerAwaited(smtplib.SMTP):
    """An SMTP connection that gives the server its time once it has the text."""

    def data(self, msg: Any) -> tuple[int, bytes]:
        assert self.sock is not None  # noqa: S101 - it is connected
        self.sock.settimeout(ANSWER_SECONDS)
        try:
            return super().data(msg)
        except smtplib.SMTPServerDisconnected as error:
            raise _NoAnswer from error
        finally:
            if self.sock is not None:
                self.sock.settimeout(TIMEOUT_SECONDS)


class _AnswerAwaitedByTls(_AnswerAwaited, smtplib.SMTP_SSL):
    """The same by TLS from the beginning."""


def _send(settings: Settings, mail: _Claimed) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, mail.to_address, mail.subject
    message["Date"] = formatdate()
    # The same at each try, so that a mailbox can see that two of them are one mail.
    message["Message-ID"] = f"<{mail.mail_id}@crm.invalid>"
    # Some mail filters open links to look behind them: ours are only used up by pressing a button.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    assert settings.smtp_host is not None  # noqa: S101 - send_waiting has looked
    tls = ssl.create_default_context()
    host, port = settings.smtp_host, settings.smtp_port
    server: smtplib.SMTP
    if settings.smtp_security is SmtpSecurity.TLS:
        server = _AnswerAwaitedByTls(host, port, timeout=TIMEOUT_SECONDS, context=tls)
    else:
        server = _AnswerAwaited(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if settings.smtp_security is SmtpSecurity.STARTTLS:
            server.starttls(context=tls)
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
        # What goes wrong with saying good-bye does not make a mail unsent that was taken.
        with suppress(OSError):
            server.quit()
    finally:
        server.close()
