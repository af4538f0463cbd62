"""Notifications: made with what they tell of, shown under the rights of the moment, mailed as numbers alone."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import users
from app.access.models import UserAccount
from app.access.openings.models import AccessOpening
from app.access.policy import Role
from app.access.service import command_actor
from app.notifications import due
from app.notifications.models import Notification, NotificationChoice
from app.notifications.words import KINDS
from app.people.departures.models import CameBack
from app.people.models import IntakeSubmission
from app.platform import clock
from app.platform.db import constraint_name
from app.platform.mail import OutgoingMail
from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from app.tasks.rules import SIDE_EFFECT
from tests import builders
from tests.browsing import somebody
from tests.conftest import AsRole

URL = "/api/v1/me/notifications"


async def mine(client: httpx.AsyncClient, headers: dict[str, str], **asked: str) -> list[dict[str, Any]]:
    answer = await client.get(URL, params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_who_gets_a_record_from_somebody_else_is_told(client: httpx.AsyncClient, session: AsyncSession) -> None:
    me, my_key = await builders.a_colleague(session)
    _, her_key = await builders.a_colleague(session)
    patient, lead = await builders.a_patient(session), await builders.a_lead(session)
    await session.commit()
    my_id = str(me.user_account_id)

    for place in (f"patients/{patient.patient_id}", f"leads/{lead.lead_id}"):
        given = await client.put(f"/api/v1/{place}", json={"owner_id": my_id}, headers=her_key)
        assert given.status_code == 200, given.text
    task = {"patient_id": str(patient.patient_id), "title": "Call", "owner_id": my_id, "due_on": "2027-01-20"}
    assert (await client.post("/api/v1/tasks", json=task, headers=her_key)).status_code == 201
    own = {"patient_id": str(patient.patient_id), "title": "My own", "due_on": "2027-01-20"}
    assert (await client.post("/api/v1/tasks", json=own, headers=my_key)).status_code == 201

    found = await mine(client, my_key)
    assert [(one["kind"], one["record_type"]) for one in found] == [
        ("assigned", "task"),
        ("assigned", "patient_lead"),
        ("assigned", "patient"),
    ]
    assert found[2]["record_id"] == str(patient.patient_id)
    assert await mine(client, her_key) == []
    assert (await client.get(f"{URL}/unread", headers=my_key)).json() == {"unread": 3}


async def test_who_gets_a_booked_call_from_somebody_else_is_told(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    me, my_key = await builders.a_colleague(session)
    _, her_key = await builders.a_colleague(session)
    patient = await builders.a_patient(session)
    hers = await builders.a_call(session, patient, booking_date=clock.now() + timedelta(days=1))
    await session.commit()
    mine_now = {"pn_id": str(me.person_id)}

    given = await client.put(f"/api/v1/call-history/{hers.call_id}", json=mine_now, headers=her_key)
    assert given.status_code == 200, given.text
    ahead = (clock.now() + timedelta(days=2)).isoformat()
    booking = {"booking_date": ahead, "booking_time_zone": "Europe/Amsterdam", "patient_id": str(patient.patient_id)}
    for body, key in (
        (booking | mine_now, her_key),
        (booking | {"booking_date": (clock.now() + timedelta(days=3)).isoformat()}, my_key),
    ):
        booked = await client.post("/api/v1/call-history", json=body, headers=key)
        assert booked.status_code == 201, booked.text
    logged = {"call_date": clock.now().isoformat(), "status": "completed", "outcome": "reached"}
    done = {"patient_id": str(patient.patient_id), "adverse_event_heard": False, **logged, **mine_now}
    assert (await client.post("/api/v1/call-history", json=done, headers=her_key)).status_code == 201

    found = await mine(client, my_key)
    assert [(one["kind"], one["record_type"]) for one in found] == [("assigned", "call_history")] * 2
    assert found[1]["record_id"] == str(hers.call_id)
    assert await mine(client, her_key) == []


async def test_a_mail_is_in_the_language_of_its_reader(session: AsyncSession, settings: Settings) -> None:
    who = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    account = await session.get_one(UserAccount, who.account_id)
    session.add(AccountPreference(user_account_id=account.user_account_id, language="nl"))
    session.add(NotificationChoice(user_account_id=account.user_account_id, kind="assigned", by_mail=True))
    for _ in range(2):
        await told(session, account)
    await due.mail_digests(session, base_url="https://crm.example", now=clock.now())
    await users.offer_reset(session, email="noor@crm.example", base_url="https://crm.example", now=clock.now())
    await users.invite(
        session, command_actor(), account_id=who.account_id, base_url="https://crm.example", now=clock.now()
    )
    mails = (await session.scalars(select(OutgoingMail).order_by(OutgoingMail.outgoing_mail_id))).all()[-3:]
    assert [mail.subject for mail in mails] == [
        "Er wacht iets op u in het CRM",
        "Een nieuw wachtwoord voor het myTomorrows CRM",
        "Uw account in het myTomorrows CRM",
    ]
    assert mails[0].body == "2 zijn aan u toegewezen\n\nhttps://crm.example/notifications\n"
    assert all(str(mail.body).startswith("Hallo Noor Brandt,") for mail in mails[1:])


async def test_what_is_refused_tells_nobody(client: httpx.AsyncClient, session: AsyncSession) -> None:
    me, _ = await builders.a_colleague(session)
    _, her_key = await builders.a_colleague(session)
    patient = await builders.a_patient(session)
    await session.commit()
    change = {"owner_id": str(me.user_account_id), "first_contact_date": "9999-01-01"}
    refused = await client.put(f"/api/v1/patients/{patient.patient_id}", json=change, headers=her_key)
    assert refused.status_code == 422
    assert (await session.execute(select(func.count()).select_from(Notification))).scalar_one() == 0


async def told(session: AsyncSession, account: UserAccount, **values: Any) -> Notification:
    patient = await builders.a_patient(session)
    made = Notification(
        **{
            "user_account_id": account.user_account_id,
            "kind": "assigned",
            "record_type": "patient",
            "record_id": patient.patient_id,
            "person_id": patient.person_id,
        }
        | values
    )
    session.add(made)
    await session.commit()
    return made


async def test_they_are_marked_as_read_and_nobody_reads_those_of_others(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    me, my_key = await builders.a_colleague(session)
    _, her_key = await builders.a_colleague(session)
    first, second, third = [await told(session, me) for _ in range(3)]
    place = f"{URL}/{first.notification_id}/read"
    not_hers = await client.post(place, headers=her_key)
    assert (not_hers.status_code, not_hers.json()["code"]) == (404, "notification_not_found")
    assert [(await client.post(place, headers=my_key)).status_code for _ in range(2)] == [200, 200]
    unread = [one["notification_id"] for one in await mine(client, my_key, is_unread="true")]
    assert unread == [str(third.notification_id), str(second.notification_id)]
    assert len(await mine(client, my_key, is_unread="false")) == 1
    assert (await client.post(f"{URL}/read", headers=my_key)).json() == {"unread": 0}
    assert await mine(client, my_key, is_unread="true") == []
    assert len(await mine(client, my_key)) == 3


async def test_words_are_made_under_the_rights_of_the_moment(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    me, my_key = await builders.a_colleague(session)
    notification = await told(session, me)
    assert (await mine(client, my_key))[0]["person"]["last_name"] != "•••"
    auditor = await as_role("auditor")
    seen_by = select(UserAccount.user_account_id).where(UserAccount.display_name == "Test auditor").scalar_subquery()
    await session.execute(update(Notification).values(user_account_id=seen_by))
    await session.commit()
    assert [one["person"]["last_name"] for one in await mine(client, auditor)] == ["•••"]
    admin = await as_role("admin")
    seen_by = select(UserAccount.user_account_id).where(UserAccount.display_name == "Test admin").scalar_subquery()
    await session.execute(update(Notification).values(user_account_id=seen_by))
    await session.commit()
    assert await mine(client, admin) == [], "an admin reads no patients"
    assert notification.person_id is not None


async def test_each_kind_is_told_where_it_is_wanted(client: httpx.AsyncClient, session: AsyncSession) -> None:
    me, my_key = await builders.a_colleague(session)
    await told(session, me)
    place = "/api/v1/me/notification-choices"
    before = (await client.get(place, headers=my_key)).json()["choices"]
    assert {(one["kind"], one["in_app"], one["by_mail"]) for one in before} == {(kind, True, False) for kind in KINDS}
    silent = {"in_app": False, "by_mail": True}
    assert (await client.put(f"{place}/assigned", json=silent, headers=my_key)).json() == {"kind": "assigned"} | silent
    assert await mine(client, my_key) == []
    late = await client.put(f"{place}/call_soon", json={"in_app": True, "by_mail": True}, headers=my_key)
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "in_the_app_only")


async def test_the_worker_notices_each_thing_once(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    now = clock.now()
    me, my_key = await builders.a_colleague(session)
    officer = await somebody(session, settings, "privacy_officer", email="po@crm.example", name="Pia Officer")
    patient = await builders.a_patient(session)
    for minutes in (10, 40):
        await builders.a_call(
            session, patient, pn_id=me.person_id, booking_date=now + timedelta(minutes=minutes), status="scheduled"
        )
    submission = IntakeSubmission(
        source="api", payload={}, person_id=patient.person_id, match_outcome="new_person", match_reasons=[]
    )
    session.add(submission)
    await session.flush()
    session.add(
        CameBack(
            person_id=patient.person_id,
            kind="withdrawn",
            intake_submission_id=submission.intake_submission_id,
            owner_id=me.user_account_id,
        )
    )
    opening = {"kind": "break_glass", "person_id": patient.person_id, "reason": "x", "expires_at": now}
    session.add(AccessOpening(user_account_id=me.user_account_id, created_at=now, **opening))
    session.add(AccessOpening(user_account_id=officer.account_id, created_at=now, **opening))
    await session.commit()

    made, again = await due.notice(session, now=now), await due.notice(session, now=now)
    await session.commit()

    assert (made, again) == (3, 0)
    assert sorted(one["kind"] for one in await mine(client, my_key)) == ["call_soon", "came_back"]
    theirs = await session.scalars(select(Notification.kind).where(Notification.user_account_id == officer.account_id))
    assert theirs.all() == ["review_due"]


async def test_a_side_effect_that_is_due_to_be_reported_is_told_to_its_owner(
    session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator")
    person, now = await builders.a_person(session), clock.now()
    near, far = now + timedelta(hours=3), now + timedelta(hours=20)
    for due_by, rule in ((near, SIDE_EFFECT), (far, SIDE_EFFECT), (near, None)):
        await builders.a_task(session, person, due_at=due_by, due_by=due_by, rule=rule, owner_id=me.account_id)

    made, again = await due.notice(session, now=now), await due.notice(session, now=now)

    assert (made, again) == (1, 0)
    (told,) = await session.scalars(select(Notification))
    assert (told.kind, told.record_type, told.user_account_id) == ("report_due", "task", me.account_id)


async def test_a_mail_says_how_many_of_which_kind_and_nothing_else(session: AsyncSession, settings: Settings) -> None:
    who = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    account = await session.get_one(UserAccount, who.account_id)
    session.add(NotificationChoice(user_account_id=account.user_account_id, kind="assigned", by_mail=True))
    for _ in range(2):
        await told(session, account)
    await told(session, account, kind="review_due", record_type="access_opening")
    await told(session, account, read_at=clock.now())
    before = (await session.execute(select(func.count()).select_from(OutgoingMail))).scalar_one()

    mailed = [await due.mail_digests(session, base_url="https://crm.example", now=clock.now()) for _ in range(2)]

    assert mailed == [1, 0]
    mails = (await session.scalars(select(OutgoingMail).order_by(OutgoingMail.outgoing_mail_id.desc()))).all()
    assert len(mails) == before + 1
    assert (mails[0].to_address, mails[0].subject) == ("noor@crm.example", "Something waits for you in the CRM")
    assert mails[0].body == "2 were assigned to you\n\nhttps://crm.example/notifications\n"


async def test_a_mail_counts_nothing_that_may_not_be_seen_any_more(session: AsyncSession, settings: Settings) -> None:
    who = await somebody(session, settings, "admin", email="ada@crm.example", name="Ada Min")
    account = await session.get_one(UserAccount, who.account_id)
    session.add(NotificationChoice(user_account_id=account.user_account_id, kind="assigned", by_mail=True))
    await told(session, account)
    assert await due.mail_digests(session, base_url="https://crm.example", now=clock.now()) == 0


async def test_old_ones_are_forgotten(session: AsyncSession) -> None:
    me, _ = await builders.a_colleague(session)
    await told(session, me)
    await told(session, me, created_at=clock.now() - timedelta(days=91))
    assert await due.forget_old_notifications(session, now=clock.now()) == 1


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ck_notification_kind_known", {"kind": "x"}),
        ("ck_notification_record_type_known", {"record_type": "x"}),
    ],
)
async def test_database_refuses(session: AsyncSession, name: str, wrong: dict[str, str]) -> None:
    me, _ = await builders.a_colleague(session)
    with pytest.raises(IntegrityError) as refused:
        await told(session, me, **wrong)
    assert constraint_name(refused.value) == name


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.INTEGRATION], ids=str)
async def test_every_human_has_a_page_of_them(client: httpx.AsyncClient, as_role: AsRole, role: Role) -> None:
    assert (await client.get(URL, headers=await as_role(role.value))).status_code == 200
