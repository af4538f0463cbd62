"""
Mail: written into the transaction that causes it, sent afterwards.

A mail that could not be sent stays and is tried again; the body, which may hold a one-time link, is wiped once it has
left. Without an SMTP server mails stay here, and in development the mailbox page shows them.
"""

import asyncio
import smtplib
import ssl
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from uuid import UUID

import structlog
from sqlalchemy import Index, SmallInteger, String, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform import clock
from app.platform.db import INTERNAL, PERSONAL, SECRET, Base, CreatedAt, Database, Key
from app.platform.settings import Settings, SmtpSecurity
from app.platform.text import Answer

log = structlog.get_logger()

TIMEOUT_SECONDS = 20
TRIES = 8
BATCH = 20


class OutgoingMail(Base):
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


async def send_waiting(database: Database, settings: Settings) -> int:
    """
    Send up to 20 mails that are due; the number sent. Without CRM_SMTP_HOST nothing is sent.

    Several processes may do this at once: each mail is locked while it is being sent. A failed one is tried again
    after 1, 2, 4 ... minutes, eight times in all.
    """
    if settings.smtp_host is None:
        return 0
    sent = 0
    for _ in range(BATCH):
        async with database.unit_of_work() as session:
            mail = await session.scalar(
                select(OutgoingMail)
                .where(OutgoingMail.sent_at.is_(None), OutgoingMail.due_at <= clock.now(), OutgoingMail.tries < TRIES)
                .order_by(OutgoingMail.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if mail is None:
                break
            mail.tries += 1
            try:
                await asyncio.to_thread(_send, settings, mail.to_address, mail.subject, mail.body or "")
            except (OSError, smtplib.SMTPException, ValueError) as error:
                # ValueError: a header that cannot be written. It must not hold up the mails behind it.
                mail.due_at = clock.now() + timedelta(minutes=2 ** (mail.tries - 1))
                # The server's words may quote the address.
                log.warning("mail_not_sent", error=type(error).__name__, count=mail.tries)
            else:
                mail.sent_at, mail.body = clock.now(), None
                sent += 1
    return sent


def _send(settings: Settings, to_address: str, subject: str, body: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to_address, subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="crm.invalid")
    # Some mail filters open links to look behind them: ours are only used up by pressing a button.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    assert settings.smtp_host is not None  # noqa: S101 - send_waiting has looked
    tls = ssl.create_default_context()
    if settings.smtp_security is SmtpSecurity.TLS:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS, context=tls
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
    with server:
        if settings.smtp_security is SmtpSecurity.STARTTLS:
            server.starttls(context=tls)
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
