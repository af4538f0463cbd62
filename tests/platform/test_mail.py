"""Mail leaves after the commit, once, by SMTP; what could not be sent is tried again, and sent text is wiped."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.policy import default

import pytest
import time_machine
from sqlalchemy import delete, select

from app.platform.db import Database
from app.platform.mail import TRIES, OutgoingMail, send_waiting, write_mail
from app.platform.settings import Settings, SettingsError

START = datetime.fromisoformat("2026-11-24T08:00:00+00:00")


@dataclass
class MailServer:
    """A small SMTP server: takes every message, or refuses the recipient with `refusal`."""

    port: int = 0
    refusal: str | None = None
    messages: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                self.messages.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                writer.write(b"250 taken\r\n")
            elif word == b"RCPT" and self.refusal:
                writer.write(f"{self.refusal}\r\n".encode())
            elif word == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    made = MailServer()
    listening = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def with_mail(settings: Settings, server: MailServer, committed_database: Database) -> Settings:
    async with committed_database.unit_of_work() as session:
        await session.execute(delete(OutgoingMail))
    return settings.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_security": "none",
            "mail_from": "CRM <c@x.org>",
        }
    )


async def _write(database: Database, to: str = "ines@crm.example") -> None:
    async with database.unit_of_work() as session:
        await write_mail(session, to_address=to, subject="Grüße", body="A link: http://test/invitation/abc\n")


async def _mails(database: Database) -> list[OutgoingMail]:
    async with database.session() as session:
        return list(await session.scalars(select(OutgoingMail)))


async def test_mail_is_sent_once_and_its_text_wiped(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    await _write(committed_database)
    assert await send_waiting(committed_database, with_mail) == 1
    assert await send_waiting(committed_database, with_mail) == 0
    message = message_from_bytes(server.messages[0], policy=default)
    assert (message["to"], message["from"], message["subject"]) == ("ines@crm.example", "CRM <c@x.org>", "Grüße")
    assert "http://test/invitation/abc" in message.get_content()
    assert [(mail.body, mail.sent_at is None) for mail in await _mails(committed_database)] == [(None, False)]
    assert len(server.messages) == 1


async def test_refused_mail_waits_longer_each_time_and_is_given_up_after_eight_tries(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    server.refusal = "450 ines@crm.example is busy"
    waited = []
    with time_machine.travel(START, tick=False) as hand:
        await _write(committed_database)
        for _ in range(TRIES):
            assert await send_waiting(committed_database, with_mail) == 0
            (mail,) = await _mails(committed_database)
            waited.append(int((mail.due_at - datetime.now(START.tzinfo)).total_seconds() // 60))
            hand.move_to(mail.due_at)
        server.refusal = None
        assert await send_waiting(committed_database, with_mail) == 0
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128]
    assert server.messages == []


async def test_two_senders_at_once_send_each_mail_once(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    for number in range(6):
        await _write(committed_database, f"p{number}@crm.example")
    sent = await asyncio.gather(*(send_waiting(committed_database, with_mail) for _ in range(3)))
    assert sum(sent) == 6
    assert len({message_from_bytes(message)["to"] for message in server.messages}) == len(server.messages) == 6


async def test_no_server_no_sending_and_the_mail_stays(settings: Settings, committed_database: Database) -> None:
    async with committed_database.unit_of_work() as session:
        await session.execute(delete(OutgoingMail))
    await _write(committed_database)
    assert await send_waiting(committed_database, settings) == 0
    assert [mail.tries for mail in await _mails(committed_database)] == [0]


async def test_mail_of_a_transaction_that_rolled_back_is_never_sent(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    async with committed_database.session() as session:
        await write_mail(session, to_address="x@crm.example", subject="s", body="b")
        await session.rollback()
    assert await send_waiting(committed_database, with_mail) == 0


async def test_an_address_cannot_add_headers_nor_hold_up_other_mails(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    await _write(committed_database, "x@crm.example\r\nBcc: all@crm.example")
    await _write(committed_database)
    assert await send_waiting(committed_database, with_mail) == 1
    assert [message_from_bytes(message)["to"] for message in server.messages] == ["ines@crm.example"]


def test_production_sends_links_only_by_a_protected_connection() -> None:
    safe = {
        "CRM_ENV": "production",
        "CRM_DATABASE_URL": "postgresql://x/y",
        "CRM_SECRET_KEY": "k" * 40,
        "CRM_BASE_URL": "https://crm.example",
        "CRM_PROXY_HOPS": "1",
        "CRM_SMTP_HOST": "mail.example",
    }
    assert Settings.from_environment(safe).smtp_security == "starttls"
    with pytest.raises(SettingsError, match="CRM_SMTP_SECURITY"):
        Settings.from_environment({**safe, "CRM_SMTP_SECURITY": "none"})
    with pytest.raises(SettingsError, match="CRM_OIDC_ISSUER"):
        Settings.from_environment({**safe, "CRM_OIDC_ISSUER": "http://idp.example"})
