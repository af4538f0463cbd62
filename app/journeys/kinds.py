"""The kinds of journey there are. Everything about journeys that differs from kind to kind is read from here."""

from app.journeys.eap.kind import EAP
from app.journeys.kind import Kind
from app.journeys.service import changeable
from app.journeys.trial.kind import TRIAL
from app.people import suggestions

KINDS: tuple[Kind, ...] = (TRIAL, EAP)

for _kind in KINDS:
    suggestions.register(_kind.name, changeable(_kind))
