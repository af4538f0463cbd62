"""Mail leaves after the commit, once, by SMTP; what could not be sent is tried again, and sent text is wiped."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import time_machine
from sqlalchemy import delete, select

from app.platform import mail
from app.platform.db import Database
from app.platform.mail import TRIES, OutgoingMail, send_waiting, write_mail
from app.platform.settings import Settings, SettingsError

START = datetime.fromisoformat("2026-11-24T08:00:00+00:00")


@dataclass
class MailServer:
    """
    A small SMTP server: takes every message, or refuses the recipient with `refusal`.

    It says nothing for `greets_after` and, when it has the text, `answers_after` seconds; None is never.
    """

    port: int = 0
    refusal: str | None = None
    greets_after: float = 0
    answers_after: float | None = 0
    good_bye: bytes = b"221 bye"
    visits: int = 0
    messages: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        await asyncio.sleep(self.greets_after)
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                self.messages.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                await asyncio.sleep(60 if self.answers_after is None else self.answers_after)
                writer.write(b"250 taken\r\n")
            elif word == b"RCPT" and self.refusal:
                writer.write(f"{self.refusal}\r\n".encode())
            elif word == b"QUIT":
                writer.write(self.good_bye + b"\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
        with suppress(ConnectionError):  # the other side was killed
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
    assert [(row.body, row.sent_at is None) for row in await _mails(committed_database)] == [(None, False)]
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
            (row,) = await _mails(committed_database)
            waited.append(int((row.due_at - datetime.now(START.tzinfo)).total_seconds() // 60))
            hand.move_to(row.due_at)
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


async def _until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_true():  # noqa: ASYNC110 - another process, or the server in this one
            await asyncio.sleep(0.01)


async def _send_for_a_day(database: Database, settings: Settings) -> None:
    """What a worker does in a day: looks every minute."""
    with time_machine.travel(datetime.now(UTC), tick=False) as hand:
        for _ in range(24 * 60):
            hand.shift(timedelta(minutes=1))
            async with database.session() as session:
                due = OutgoingMail.sent_at.is_(None), OutgoingMail.due_at <= datetime.now(UTC)
                if await session.scalar(select(OutgoingMail.outgoing_mail_id).where(*due)):
                    await send_waiting(database, settings)


async def test_a_server_that_answers_late_gets_one_copy(
    with_mail: Settings, server: MailServer, committed_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a server that takes 30 s where others get 20 s, in small.
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    server.answers_after = 1.5
    await _write(committed_database)
    await _send_for_a_day(committed_database, with_mail)
    assert len(server.messages) == 1
    assert [(row.body, row.sent_at is None) for row in await _mails(committed_database)] == [(None, False)]


async def test_a_server_that_never_answers_gets_two_copies_at_most(
    with_mail: Settings, server: MailServer, committed_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(mail, "ANSWER_SECONDS", 0.5, raising=False)
    server.answers_after = None
    await _write(committed_database)
    await _write(committed_database)
    await _send_for_a_day(committed_database, with_mail)
    names = [str(message_from_bytes(message)["message-id"]) for message in server.messages]
    # By the name a mailbox sees that the second is a copy of the first.
    assert sorted(Counter(names).values()) == [2, 2]


async def test_a_server_that_takes_a_mail_and_stumbles_over_the_good_bye_gets_one_copy(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    server.good_bye = b"500 what?"
    await _write(committed_database)
    await _send_for_a_day(committed_database, with_mail)
    assert len(server.messages) == 1


async def test_no_transaction_is_open_while_a_mail_is_sent_and_nobody_else_sends_it(
    with_mail: Settings, server: MailServer, committed_database: Database
) -> None:
    server.answers_after = 1
    await _write(committed_database)
    first = asyncio.create_task(send_waiting(committed_database, with_mail))
    await _until(lambda: bool(server.messages))
    async with committed_database.session() as session:
        assert await session.scalar(select(OutgoingMail.tries).with_for_update(nowait=True)) == 1
    assert await asyncio.gather(*(send_waiting(committed_database, with_mail) for _ in range(2))) == [0, 0]
    assert await first == 1
    assert len(server.messages) == 1


@pytest.mark.parametrize("text_was_sent", [False, True])
async def test_a_mail_whose_sender_was_killed_is_taken_again_after_its_time(
    with_mail: Settings,
    server: MailServer,
    committed_database: Database,
    committed_url: str,
    *,
    text_was_sent: bool,
) -> None:
    server.greets_after, server.answers_after = (0, 60) if text_was_sent else (60, 0)
    await _write(committed_database)
    code = (
        "import asyncio, sys; from app.platform.db import Database, create_engine; from app.platform.mail import *\n"
        "settings = Settings.model_validate_json(sys.argv[1])\n"
        "asyncio.run(send_waiting(Database(create_engine(settings, sys.argv[2])), settings))"
    )
    sending = {"smtp_host": with_mail.smtp_host, "smtp_port": with_mail.smtp_port, "smtp_security": "none"}
    arguments = (json.dumps(sending), committed_url)
    sender = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *arguments)
    await _until(lambda: bool(server.messages if text_was_sent else server.visits))
    sender.kill()
    await sender.wait()
    server.greets_after = server.answers_after = 0

    copies = len(server.messages)
    assert copies == text_was_sent
    assert await send_waiting(committed_database, with_mail) == 0
    with time_machine.travel(datetime.now(UTC) + mail.CLAIM, tick=False):
        assert await send_waiting(committed_database, with_mail) == 1
    await _send_for_a_day(committed_database, with_mail)
    assert len(server.messages) == copies + 1


async def test_no_server_no_sending_and_the_mail_stays(settings: Settings, committed_database: Database) -> None:
    async with committed_database.unit_of_work() as session:
        await session.execute(delete(OutgoingMail))
    await _write(committed_database)
    assert await send_waiting(committed_database, settings) == 0
    assert [row.tries for row in await _mails(committed_database)] == [0]


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
