"""
Every table of the CRM, imported so that the metadata is whole; nothing else lives here.

Modules of models alone: one that asks a query could put the mappers together before the last table is known.
"""

from app.access import models as access
from app.access.accounts import models as accounts
from app.access.openings import models as openings
from app.audit import models as audit
from app.availability import models as availability
from app.calls import models as calls
from app.conditions import models as conditions
from app.documents import models as documents
from app.drafts import models as drafts
from app.events import models as events
from app.exports import models as exports
from app.hospitals import models as hospitals
from app.journeys import models as journeys
from app.journeys.eap import models as eap
from app.journeys.norms import models as norms
from app.journeys.trial import models as trial
from app.leads import models as leads
from app.legacy import models as legacy
from app.notes import models as notes
from app.notifications import models as notifications
from app.patients import models as patients
from app.people import models as people
from app.people.departures import models as departures
from app.people.search import models as search
from app.physicians import models as physicians
from app.platform import idempotency, mail, served_programs
from app.platform.db import Base
from app.preferences import models as preferences
from app.saved_views import models as saved_views
from app.tasks import models as tasks

metadata = Base.metadata

__all__ = [
    "access",
    "accounts",
    "audit",
    "availability",
    "calls",
    "conditions",
    "departures",
    "documents",
    "drafts",
    "eap",
    "events",
    "exports",
    "hospitals",
    "idempotency",
    "journeys",
    "leads",
    "legacy",
    "mail",
    "metadata",
    "norms",
    "notes",
    "notifications",
    "openings",
    "patients",
    "people",
    "physicians",
    "preferences",
    "saved_views",
    "search",
    "served_programs",
    "tasks",
    "trial",
]
