"""A kind of journey is data: what is forgotten of a new one is told before anything is served."""

import importlib
import pkgutil
from dataclasses import replace
from typing import get_args

import pytest

from app import journeys
from app.casework.schemas import StatusItem
from app.events import moves
from app.journeys.eap.kind import EAP
from app.journeys.eap.schemas import EapJourneyCreate, EapJourneyUpdate
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.models import Journey
from app.main import ROUTERS
from app.oversight.records import BY_TYPE


def test_every_table_of_journeys_is_a_kind() -> None:
    for module in pkgutil.walk_packages(journeys.__path__, prefix=f"{journeys.__name__}."):
        importlib.import_module(module.name)
    assert {kind.model for kind in KINDS} == set(Journey.__subclasses__())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_its_routes_its_history_and_its_place_in_the_timeline(kind: Kind) -> None:
    routes = {route.name for router in ROUTERS for route in router.routes if hasattr(route, "name")}
    assert {
        f"create_{kind.name}",
        f"list_{kind.name}s",
        f"get_{kind.name}",
        f"update_{kind.name}",
        f"move_{kind.name}",
        f"list_{kind.name}_events",
    } <= routes
    assert BY_TYPE[kind.name].answer is kind.read
    assert kind.event_kind in get_args(StatusItem.model_fields["kind"].annotation)
    assert moves.OTHER in kind.moves.codes_of(kind.moves.machine.initial), "words alone count as a code"


def test_a_field_that_no_column_stores_does_not_start() -> None:
    class Create(EapJourneyCreate):
        shoe_size: int | None = None

    class Update(EapJourneyUpdate):
        shoe_size: int | None = None

    with pytest.raises(TypeError, match=r"Create\.shoe_size is no column of eap_journey"):
        replace(EAP, create=Create, bodies=(Create,))
    with pytest.raises(TypeError, match=r"Update\.shoe_size is no column of eap_journey"):
        replace(EAP, update=Update)


def test_a_kind_without_a_column_for_its_events_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.journeys.kind.OWNERS", ("lead_id", "patient_id"))
    with pytest.raises(TypeError, match="has no eap_journey_id for the events of eap_journey"):
        replace(EAP)
