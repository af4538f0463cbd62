"""
Something that is chosen of more than a menu holds: a person, a physician, a hospital, a condition, a colleague.

A field of a form has three parts: what was typed (`hospital_id_typed`), the id that was chosen (`hospital_id`), and the
text for which it was chosen (`hospital_id_for`). With a script (js/combobox.js) what is typed is posted to
`/pickers/…`, which answers with the choices. Without one it is looked up when the form is sent: one that fits is taken,
and of several the form comes back with all of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names, colleagues_named, owners
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.casework.hand_over import KINDS
from app.conditions.queries import get_condition, list_conditions
from app.conditions.schemas import ConditionFilter
from app.hospitals.queries import get_hospital, list_hospitals
from app.hospitals.schemas import HospitalFilter
from app.journeys.eap.queries import list_programmes
from app.journeys.eap.schemas import ProgrammeFilter
from app.journeys.trial.queries import list_trials
from app.journeys.trial.schemas import TrialFilter
from app.patients.service import OWNERS_WORK
from app.people.queries import list_persons
from app.people.schemas import PersonFilter, PersonRead, PersonSummary
from app.physicians.queries import list_physicians
from app.physicians.schemas import PhysicianFilter, PhysicianRead
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError
from app.platform.locales import _
from app.tasks.service import OWNERS_WORK as OWNERS_OF_TASKS
from app.web.forms import id_in, read_form, read_query
from app.web.page_guard import NO_ERRORS, allow, form_again, page_router
from app.web.render import page

router = page_router("/pickers")

MOST: Final = 8
"""So many are offered at once; who wants another one types more."""
_FEWEST: Final = 2
"""People are looked up from so many letters on."""
_LONGEST: Final = 200
NEW: Final = "new"
"""Chosen of people: who was typed is nobody yet, and is added."""
NOBODY: Final = "nobody"
"""Chosen as an owner: there is none any more."""


@dataclass(frozen=True)
class Choice:
    """
    One that can be chosen. Its name is that of `person`, where it is about somebody; `typed` is what the field says
    then, where that is not the name.
    """

    value: str
    name: str = ""
    hint: str = ""
    typed: str = ""
    person: PersonRead | PersonSummary | None = None


@dataclass(frozen=True)
class Picked:
    """
    What a field holds. `typed` is what was typed, None where the choice that stands is shown; `found` are those that
    fit where several do.
    """

    value: str = ""
    choice: Choice | None = None
    typed: str | None = None
    found: Sequence[Choice] = ()

    @property
    def text(self) -> str:
        """What a form takes: the id, else what was typed, which is then said to be wrong."""
        return self.value or self.typed or ""


Find = Callable[[Request, AsyncSession, Actor, str], Awaitable[Sequence[Choice]]]
Get = Callable[[AsyncSession, Actor, UUID], Awaitable[Choice]]


@dataclass(frozen=True)
class Picker:
    """
    What is chosen from, as it is declared. `get` names the one that a record has; a field that changes no record needs
    none. `about_people`: nobody is offered before something is typed.
    """

    name: str
    permission: str
    find: Find
    get: Get | None = None
    about_people: bool = False

    async def choices(self, request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
        """Those that what was typed may mean, the likeliest first. Invalid for what nothing is called."""
        typed = typed[:_LONGEST].strip()
        if self.about_people and len(typed) < _FEWEST:
            return []
        return await self.find(request, session, actor, typed)


async def _people(request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    query = read_query(request, PersonFilter, {"q": typed, "limit": MOST})
    found = await list_persons(session, actor, query=query)
    shown = audit.show_page(session, found, [PersonRead.model_validate(row) for row in found.rows])
    return [Choice(str(one.person_id), person=one) for one in shown.items]


async def _people_or_new(request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    """Those who are meant; where nobody is, who was typed can be added."""
    found = await _people(request, session, actor, typed)
    if found or not actor.may("person.create"):
        return found
    return [Choice(NEW, _("Add %(name)s as a new person", name=typed), typed=typed)]


async def _physicians(request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    query = read_query(request, PhysicianFilter, {"q": typed, "is_active": "true", "limit": MOST})
    found = await list_physicians(session, actor, query=query)
    shown = audit.show_page(session, found, [PhysicianRead.model_validate(row) for row in found.rows])
    return [
        Choice(
            str(one.physician_id),
            hint=", ".join(part.name for part in (one.specialization, one.hospital) if part),
            person=one.person,
        )
        for one in shown.items
    ]


async def _hospitals(_request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    query = read_form(HospitalFilter, {"q": typed, "is_active": "true", "limit": MOST})
    rows = (await list_hospitals(session, actor, query=query)).rows
    return [Choice(str(row.hospital_id), row.name, row.city or "") for row in rows]


async def _conditions(_request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    query = read_form(ConditionFilter, {"q": typed, "is_active": "true", "limit": MOST})
    rows = (await list_conditions(session, actor, query=query)).rows
    return [Choice(str(row.medical_condition_id), row.name, row.abbreviation or "") for row in rows]


async def _trials(_request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    query = read_form(TrialFilter, {"q": typed, "limit": MOST})
    rows = (await list_trials(session, actor, query=query)).rows
    return [
        Choice(str(row.clinical_trial_id), row.title or row.trial_id, row.trial_id if row.title else "") for row in rows
    ]


async def _programmes(_request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
    query = read_form(ProgrammeFilter, {"q": typed, "limit": MOST})
    rows = (await list_programmes(session, actor, query=query)).rows
    return [Choice(str(row.eap_program_id), row.name, row.product) for row in rows]


async def _hospital(session: AsyncSession, actor: Actor, key: UUID) -> Choice:
    row = await get_hospital(session, actor, hospital_id=key)
    return Choice(str(key), row.name, row.city or "")


async def _condition(session: AsyncSession, actor: Actor, key: UUID) -> Choice:
    row = await get_condition(session, actor, medical_condition_id=key)
    return Choice(str(key), row.name, row.abbreviation or "")


async def _colleague(session: AsyncSession, _actor: Actor, key: UUID) -> Choice:
    return Choice(str(key), (await account_names(session, [key])).get(key, ""))


def _colleagues(work: str) -> Find:
    async def find(_request: Request, session: AsyncSession, _actor: Actor, typed: str) -> Sequence[Choice]:
        names, able = await owners(session, (), permission=work)
        meant = typed.casefold().split()
        fitting = [one for one in able if all(part in names[one].casefold() for part in meant)]
        return [Choice(str(one), names[one]) for one in fitting[:MOST]]

    return find


async def _whose_work(_request: Request, session: AsyncSession, _actor: Actor, typed: str) -> Sequence[Choice]:
    """Any colleague, those who no longer work here too: their work may still be theirs."""
    found = await colleagues_named(session, typed, most=MOST)
    return [
        Choice(str(one.user_account_id), one.display_name, "" if one.is_active else _("No longer works here"))
        for one in found
    ]


def _owners_to_be(work: str) -> Find:
    """Colleagues, before them the one who asks, and nobody."""
    colleagues = _colleagues(work)

    async def find(request: Request, session: AsyncSession, actor: Actor, typed: str) -> Sequence[Choice]:
        fixed = (Choice(str(actor.account_id), str(_("Me"))), Choice(NOBODY, str(_("Nobody"))))
        meant = [one for one in fixed if one.name.casefold().startswith(typed.casefold())]
        found = await colleagues(request, session, actor, typed)
        # One's own name beside "Me" would look like somebody else.
        others = [one for one in found if one.value not in {choice.value for choice in meant}]
        return [*meant, *others][:MOST]

    return find


PEOPLE = Picker("people", "person.search", _people, about_people=True)
PEOPLE_OR_NEW = Picker("people-or-new", "person.search", _people_or_new, about_people=True)
PHYSICIANS = Picker("physicians", "physician.read", _physicians, about_people=True)
HOSPITALS = Picker("hospitals", "hospital.read", _hospitals, _hospital)
CONDITIONS = Picker("conditions", "condition.read", _conditions, _condition)
TRIALS = Picker("trials", "trial.read", _trials)
PROGRAMMES = Picker("programmes", "programme.read", _programmes)
OWNERS_OF_PATIENTS = Picker("owners-of-patients", "patient.write", _colleagues(OWNERS_WORK), _colleague)
OWNERS_OF_LEADS = Picker("owners-of-leads", "lead.write", _colleagues("lead.write"), _colleague)
LEADS_TO = Picker("leads-to", "lead.write", _owners_to_be("lead.write"))
PATIENTS_TO = Picker("patients-to", "patient.write", _owners_to_be(OWNERS_WORK))
TASKS_TO = Picker("tasks-to", "task.write", _owners_to_be(OWNERS_OF_TASKS))
RECEIVERS = {
    kind.name: Picker(f"hand-over-{kind.name}", "work.hand_over", _colleagues(kind.permission)) for kind in KINDS
}
"""Who may get the open work of a colleague, by its kind."""
WHOSE_WORK = Picker("whose-work", "work.hand_over", _whose_work)
PICKERS = (
    *(PEOPLE, PEOPLE_OR_NEW, PHYSICIANS, HOSPITALS, CONDITIONS, TRIALS, PROGRAMMES),
    *(OWNERS_OF_PATIENTS, OWNERS_OF_LEADS, LEADS_TO, PATIENTS_TO, TASKS_TO),
    *RECEIVERS.values(),
    WHOSE_WORK,
)
BY_NAME = {picker.name: picker for picker in PICKERS}


def _add(picker: Picker) -> None:
    @router.post(
        f"/{picker.name}", name=f"pick_{picker.name.replace('-', '_')}", dependencies=[allow(picker.permission)]
    )
    async def pick(
        request: Request, session: DbSession, actor: CurrentActor, q: Annotated[str, Form()] = ""
    ) -> Response:
        """The choices for what is typed into a field, for js/combobox.js."""
        context: dict[str, Any] = {**NO_ERRORS, "picker": picker.name, "asks_for_more": False, "choices": []}
        try:
            found = await picker.choices(request, session, actor, q)
        except AppError as error:
            return form_again(request, "pickers/choices.html", context, error)
        asks_for_more = picker.about_people and len(q.strip()) < _FEWEST
        return page(request, "pickers/choices.html", {**context, "choices": found, "asks_for_more": asks_for_more})


for _picker in PICKERS:
    _add(_picker)


async def standing(session: AsyncSession, actor: Actor, picker: Picker, value: UUID | None) -> Picked:
    """A field that shows what is chosen already."""
    if value is None or picker.get is None:
        return Picked()
    return Picked(str(value), await picker.get(session, actor, value))


async def chosen(request: Request, name: str) -> tuple[str, str]:
    """The id that a form brought for the field `name`, where it was chosen for the text that stands there; the text."""
    form = await request.form()
    ids = [value for value in map(str, form.getlist(name)) if value.strip()]
    first = next(iter(ids), "")
    if f"{name}_typed" not in form:
        return (first, "") if not first or id_in(first) else ("", first)
    typed = str(form[f"{name}_typed"])[:_LONGEST].strip()
    is_same = typed == str(form.get(f"{name}_for", "")).strip()
    return (first if is_same else "", typed)


async def picked(
    request: Request, session: AsyncSession, actor: Actor, picker: Picker, name: str
) -> tuple[Picked, list[FieldError]]:
    """
    What a form brought for the field `name`: the id that was chosen for the text that stands there, else the only one
    that the text can mean; and what is wrong where there is none.
    """
    value, typed = await chosen(request, name)
    if value or not typed:
        return Picked(value, typed=typed), []
    return await _meant(request, session, actor, picker, name, typed)


async def _meant(
    request: Request, session: AsyncSession, actor: Actor, picker: Picker, name: str, typed: str
) -> tuple[Picked, list[FieldError]]:
    if not actor.may(picker.permission):
        return Picked(typed=typed), [FieldError(name, "forbidden", _("Your role may not look this up."))]
    try:
        found = await picker.choices(request, session, actor, typed)
    except AppError as error:
        message = error.fields[0].message if error.fields else error.error_detail
        return Picked(typed=typed), [FieldError(name, "unclear", message)]
    exact = [one for one in found if one.name.casefold() == typed.casefold()] or found
    if len(exact) == 1 and exact[0].value != NEW:
        return Picked(exact[0].value, exact[0], typed=typed), []
    if [one.value for one in exact] == [NEW]:
        sentence = _("Nobody is called so. Add them, or write the name another way.")
        return Picked(typed=typed, found=exact), [FieldError(name, "unclear", sentence)]
    sentence = _("Several fit. Choose one of them.") if found else _("Nothing is called so. Write it another way.")
    return Picked(typed=typed, found=found), [FieldError(name, "unclear", sentence)]
