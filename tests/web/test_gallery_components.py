"""Every component stands in the gallery in some state: what is looked at there is all that pages are made of."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.platform.middleware import RequestFrame
from app.platform.request_metrics import RequestMetrics
from app.web.gallery import PAGES, mount_gallery
from app.web.render import Components, mount_pages


async def test_every_component_has_a_state_in_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: set[str] = set()
    found = Components.__getattribute__

    def noted(components: Components, name: str) -> Any:
        shown.add(name)
        return found(components, name)

    monkeypatch.setattr(Components, "__getattribute__", noted)
    app = FastAPI()
    mount_pages(app, development=True)
    mount_gallery(app)
    app.add_middleware(RequestFrame, RequestMetrics())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as browser:
        for name in PAGES:
            assert (await browser.get(f"/_gallery/{name}")).status_code == 200
    assert sorted(set(app.state.templates.globals["ui"].names()) - shown) == []
