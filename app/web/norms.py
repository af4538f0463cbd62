"""
How many days a journey stays in a stage as a rule: read by everybody who works with journeys, changed by those who run
the programmes. Beside it when a lead counts as one that cannot be reached.
"""

from typing import Any

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.journeys.norms.models import LONGEST
from app.journeys.norms.queries import list_norms
from app.journeys.norms.schemas import NormRead, NormUpdate
from app.journeys.norms.service import set_norm
from app.leads.attempts import Policy
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.locales import _, ngettext
from app.web.forms import as_typed, read_form
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, page_router
from app.web.render import Flash, page

router = page_router("/stage-norms")
_LONGEST_TYPED = 20
_EMPTIED = _("Somebody else has emptied it meanwhile. Save again to set yours.")


def _field(norm: NormRead) -> str:
    return f"{norm.journey_kind}.{norm.stage}"


async def _context(request: Request, session: AsyncSession, actor: Actor) -> dict[str, Any]:
    policy = Policy.of(request.app.state.settings)
    norms = [NormRead.model_validate(row) for row in await list_norms(session)]
    kinds: dict[str, list[tuple[str, NormRead]]] = {}
    for norm in norms:
        kinds.setdefault(norm.journey_kind, []).append((_field(norm), norm))
    return {
        **NO_ERRORS,
        "kinds": kinds,
        "names": await account_names(session, [norm.updated_by for norm in norms]),
        "typed": {_field(norm): as_typed(norm.days) for norm in norms},
        "may_write": actor.may("norm.write"),
        "longest": LONGEST,
        "attempts": policy.needed,
        "attempt_days": policy.within_days,
    }


@router.get("", dependencies=[allow("norm.read")])
async def show_stage_norms(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    return page(request, "norms/norms.html", await _context(request, session, actor))


@router.post("", dependencies=[allow("norm.write")])
async def change_stage_norms(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """The days that were changed, each as it stood when the page was opened."""
    form = await request.form()
    context = await _context(request, session, actor)
    wrong: list[FieldError] = []
    changed: list[tuple[NormRead, NormUpdate]] = []
    typed = {name: str(form.get(name, stands)).strip()[:_LONGEST_TYPED] for name, stands in context["typed"].items()}
    for name, norm in [one for norms in context["kinds"].values() for one in norms]:
        stands, seen = as_typed(norm.days), str(form.get(f"seen.{name}", ""))
        if typed[name] in (stands, seen):
            continue
        try:
            changed.append((norm, read_form(NormUpdate, {"days": typed[name]})))
        except Invalid as error:
            wrong += [FieldError(name, fault.code, fault.message) for fault in error.fields]
        else:
            if seen != stands:
                said = _(
                    "Somebody else has changed it meanwhile. It is now: %(days)s. Save again to set yours.", days=stands
                )
                wrong.append(FieldError(name, "changed_meanwhile", said if stands else _EMPTIED))
    try:
        if wrong:
            raise Invalid(fields=wrong)
        for norm, update in changed:
            await set_norm(session, actor, journey_kind=norm.journey_kind, stage=norm.stage, change=update)
    except AppError as error:
        return form_again(request, "norms/norms.html", {**context, "typed": typed}, error)
    said = ngettext("%(count)s stage changed.", "%(count)s stages changed.", len(changed))
    return go_to(request, "/stage-norms", flash=Flash(str(said) if changed else _("Nothing was changed.")))
