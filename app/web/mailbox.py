"""
The mailbox of a development server: what would be sent, and the codes of demo users. Never served in production, and
to this machine alone wherever the server listens: the codes let anyone in.
"""

from fastapi import Request, Response
from sqlalchemy import select

from app.access.accounts.demo import demo_codes
from app.access.request_guard import DbSession
from app.platform.errors import NotFound
from app.platform.mail import MailRead, OutgoingMail
from app.web.page_guard import anyone, page_router
from app.web.render import page
from app.web.sign_in import settings_of, shows_mailbox

router = page_router()

MOST = 30


@router.get("/mailbox", dependencies=[anyone()])
async def show_mailbox(request: Request, session: DbSession) -> Response:
    if not shows_mailbox(request):
        raise NotFound
    request.state.frame = None
    mails = await session.scalars(
        select(OutgoingMail).order_by(OutgoingMail.created_at.desc(), OutgoingMail.outgoing_mail_id.desc()).limit(MOST)
    )
    codes = await demo_codes(session, keys=settings_of(request).keys)
    return page(
        request, "mailbox/mailbox.html", {"mails": [MailRead.model_validate(mail) for mail in mails], "codes": codes}
    )
