"""The start page: where the roles of whoever looks may go."""

from fastapi import Request, Response

from app.web.frame import PLACES
from app.web.guard import CurrentVisitor, page_router, signed_in
from app.web.render import page

router = page_router()


@router.get("/", dependencies=[signed_in()])
async def show_start(request: Request, visitor: CurrentVisitor) -> Response:
    actor = visitor.actor
    places = [
        place.item
        for place in PLACES
        if place.item.href != "/" and actor is not None and (place.permission is None or actor.may(place.permission))
    ]
    return page(request, "home/start.html", {"name": actor.name if actor else "", "places": places})
