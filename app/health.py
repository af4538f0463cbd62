"""Health for load balancers and people: alive, and ready to answer. Public, and telling nothing but that."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from app.access.request_guard import State
from app.audit.partitions import has_partition_ahead
from app.checks.database import revision_in
from app.checks.machine import disk_of
from app.platform.heartbeat import worker_is_alive

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    status: str


class Ready(BaseModel):
    status: str
    checks: dict[str, str]


@router.get("/health", operation_id="get_health")
@router.get("/health/live", operation_id="get_health_live")
async def alive() -> Alive:
    """The process answers. Asks nothing of the database, so that a slow database restarts no process."""
    return Alive(status="ok")


@router.get("/health/ready", operation_id="get_health_ready", responses={503: {"model": Ready}})
async def ready(request: Request, response: Response) -> Ready:
    """
    The database answers, its schema serves this code, and the audit trail has a place for tomorrow's events.

    `revision` is `newer` where a later version has moved the schema and this one may go on; that is ready too.
    `worker` and `disk` are told, and do not make the answer 503: what waits for the worker is not lost, and where a
    disk of documents is full everything but uploads goes on. `crm doctor` says what to do.
    """
    state: State = request.app.state.serving
    checks = {"database": "failed", "revision": "unknown", "audit": "unknown", "worker": "unknown"}
    checks["disk"] = disk_of(request.app.state.settings).word
    try:
        async with state.database.session() as session:
            await session.execute(text("SELECT 1"))
            checks["database"] = "ok"
            checks["revision"] = (await revision_in(session)).word
            checks["worker"] = "ok" if await worker_is_alive(session) else "absent"
            checks["audit"] = "ok" if await has_partition_ahead(session) else "no partition"
    except Exception:  # noqa: BLE001 - whatever the reason, the answer is "not ready"; nothing else depends on it
        response.status_code = 503
        return Ready(status="unavailable", checks=checks)
    if {checks["database"], checks["audit"]} != {"ok"} or checks["revision"] not in {"ok", "newer"}:
        response.status_code = 503
        return Ready(status="unavailable", checks=checks)
    return Ready(status="ok", checks=checks)
