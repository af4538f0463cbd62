from datetime import datetime

from app.leads.models import PatientLead
from app.leads.rules import allowed_transitions
from app.leads.schemas import LeadRead
from app.leads.states import LEAD
from app.platform.answers import answer


def read(lead: PatientLead, now: datetime) -> LeadRead:
    return answer(
        LeadRead,
        lead,
        status_group=LEAD.groups[lead.status],
        allowed_transitions=allowed_transitions(lead.status, closed_at=lead.closed_at, now=now),
    )
