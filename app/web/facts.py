"""
The facts of a record page, edited where they stand: one field at a time.

A form says which value it was made from. When the field holds another one by then, nothing is written: the form comes
back with both, and its owner chooses. Other fields may have changed meanwhile, that hinders nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit.history import before_own_change
from app.leads.models import PatientLead
from app.leads.queries import get_lead
from app.leads.schemas import LeadUpdate
from app.leads.service import change_lead
from app.patients.models import Patient
from app.patients.queries import get_patient
from app.patients.schemas import PatientUpdate
from app.patients.service import change_patient
from app.people.keys import is_cut_short, region_of_phone
from app.people.models import GENDERS, Person
from app.people.schemas import ContactChannel, PersonUpdate
from app.people.service import change_person
from app.people.time_zones import zones_in_use
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, NotFound, Stale
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.text import Body
from app.web.about import LEADS, PATIENTS, PEOPLE, About
from app.web.forms import as_typed, read_form, typed_in
from app.web.page_guard import allow, form_again, go_to, known_errors, page_router
from app.web.people import ABOUT
from app.web.pickers import BY_NAME, Picked, picked, standing
from app.web.records import RECORDS
from app.web.render import Flash, page, wanted_block
from app.web.undoing import Version, Versions, undo_at, undone
from app.web.words import country_name, languages, words

router = page_router()

Options = Sequence[tuple[str, str]]


class ChangedMeanwhile(Stale):
    detail = _("This was changed while you were typing. Choose which of the two stays.")


class NoSuchFact(NotFound):
    detail = _("There is no such field on this page.")


@dataclass(frozen=True)
class Fact:
    """
    A field that can be edited in place. `control` is the kind of its field, `was` whether its value is replaced;
    `picker` is what it is chosen from where a menu does not hold all. `empty` is what no choice is called.
    """

    field: str
    label: str
    control: str = "text"
    hint: str = ""
    options: Callable[[], Options] = tuple
    was: bool = False
    picker: str = ""
    empty: str = _("Not known")


@dataclass(frozen=True)
class Editing:
    """
    The field that is being edited, as the template gets it. `typed` is what was typed; None shows what stands. Of one
    that is chosen from a picker `stands` is the choice that it has now, `picked` the one of the form.
    """

    field: str
    label: str
    control: str
    hint: str
    options: Options
    was: bool
    empty: str = ""
    typed: Any = None
    differs: bool = False
    picker: str = ""
    picked: Picked | None = None
    stands: Picked | None = None


def _genders() -> Options:
    return [(code, words(code)) for code in GENDERS]


def _channels() -> Options:
    return [(code, words(code)) for code in get_args(ContactChannel)]


def _zones() -> Options:
    return [(name, name) for name in zones_in_use()]


OF_PERSON = (
    Fact("first_name", _("First name")),
    Fact("last_name", _("Last name")),
    Fact("preferred_name", _("Preferred name"), hint=_("How they want to be called.")),
    Fact("phone", _("Phone"), "tel", was=True),
    Fact("email", _("E-mail"), "email", was=True),
    Fact("language", _("Language"), "select", options=languages),
    Fact("date_of_birth", _("Born"), hint="14/3/1967, or 1967-03, or 1967, as far as it is known."),
    Fact("gender", _("Gender"), "select", options=_genders),
    Fact("country", _("Country"), hint=_("Its name or its code of two letters.")),
    Fact("time_zone", _("Time zone"), "list", options=_zones, hint=_("Such as Europe/Lisbon.")),
    Fact("do_not_contact_channels", _("Do not contact by"), "choices", options=_channels),
)


def _in_case(owners: str) -> Sequence[Fact]:
    """What a case is about, and whose it is."""
    return (
        Fact("medical_condition_id", _("Condition"), "picker", picker="conditions"),
        Fact("owner_id", _("Owner"), "picker", picker=owners, hint=_("Left empty it is nobody.")),
    )


OF_PATIENT = (
    Fact("first_contact_date", _("First contact"), hint=_("Such as yesterday, or 24/11/2026.")),
    Fact("initial_consult_date", _("First consult"), hint=_("Such as tomorrow, or 24/11/2026.")),
)


def _add(about: About, facts: Sequence[Fact], model: type[Body], *, kind: str, permission: str) -> None:
    key, name = Path(alias=about.key), Path(alias=kind)
    named = {fact.field: fact for fact in facts}
    place = f"{about.address}/{kind}s/{{{kind}}}"
    template, read = RECORDS[about]

    def fact_of(field: str) -> Fact:
        if field not in named:
            raise NoSuchFact
        return named[field]

    @router.get(place, name="edit_fact", dependencies=[allow(permission)])
    async def edit_fact(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key, field: str = name
    ) -> Response:
        fact = fact_of(field)
        context = await read(request, session, actor, record_id)
        editing = await _editing(session, actor, fact, context)
        return page(request, template, {**context, "editing": editing})

    @router.post(place, name="save_fact", dependencies=[allow(permission)])
    async def save_fact(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key, field: str = name
    ) -> Response:
        fact, form = fact_of(field), await request.form()
        typed, seen, was = (await typed_in(request, model))[field], str(form.get("seen", "")), str(form.get("was", ""))
        held, wrong = await _picked(request, session, actor, fact)
        typed = typed if held is None else held.text
        given = {field: typed} | ({"was": was} if fact.was and was else {})
        try:
            change = read_form(model, given, wrong=wrong)
            async with known_errors(request, session):
                versions = await _save(session, actor, about, record_id, change, field=field, seen=seen)
        except NotFound:
            raise
        except AppError as error:
            context = await read(request, session, actor, record_id)
            editing = await _editing(session, actor, fact, context)
            editing = replace(editing, typed=typed, picked=held, differs=isinstance(error, Stale))
            return form_again(request, template, {**context, "editing": editing}, error)
        saved = _told(fact, change, f"{about.path}/{record_id}/{kind}s/{field}", versions)
        if wanted_block(request) != ABOUT:
            return go_to(request, f"{about.path}/{record_id}", flash=saved)
        context = await read(request, session, actor, record_id)
        return page(request, template, {**context, "saved": field}, flashes=[saved])


def _add_undo(about: About, facts: Sequence[Fact], model: type[Body], *, kind: str, permission: str) -> None:
    key, name = Path(alias=about.key), Path(alias=kind)
    undone_here = {fact.field for fact in facts if not fact.was}

    @router.post(f"{about.address}/{kind}s/{{{kind}}}/undo", name="undo_fact", dependencies=[allow(permission)])
    async def undo_fact(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        record_id: UUID = key,
        field: str = name,
        since: Version = 0,
        until: Version = 0,
    ) -> Response:
        if field not in undone_here:
            raise NoSuchFact
        row = await _row(session, actor, about, record_id, model)
        undo = _put_back(session, actor, row, model, field, (since, until))
        return go_to(request, f"{about.path}/{record_id}", flash=await undone(request, session, undo))


def _told(fact: Fact, change: Body, place: str, versions: Versions | None) -> Flash:
    """
    That it is saved, with the way back. A number or address that was replaced stays as a contact point: it is put back
    by hand.
    """
    said = str(_("%(field)s is saved.", field=fact.label))
    if fact.field == "phone" and (phone := getattr(change, "phone", None)) and is_cut_short(phone):
        region = region_of_phone(phone)
        of_whom = country_name(region) if region else _("a country we know")
        said += " " + str(_("It does not look like a whole number for %(country)s.", country=of_whom))
        return Flash(said, "warning")
    if fact.was or versions is None:
        return Flash(said)
    return Flash(said, undo=undo_at(place, versions))


async def _save(
    session: AsyncSession, actor: Actor, about: About, record_id: UUID, change: Body, *, field: str, seen: str
) -> Versions | None:
    """
    The versions before and after; None where it stood so already.

    ChangedMeanwhile unless the field still holds what the form was made from; Stale when it changes right now.
    """
    row = await _row(session, actor, about, record_id, type(change))
    if not _is_to_be_saved(row, change, field=field, seen=seen):
        return None
    since = row.version
    changed = await _change(session, actor, row, change, since)
    return since, changed.version


async def _row(
    session: AsyncSession, actor: Actor, about: About, record_id: UUID, model: type[Body]
) -> Person | Patient | PatientLead:
    if model is PersonUpdate:
        return await about.person(session, actor, record_id)
    if model is LeadUpdate:
        return await get_lead(session, actor, lead_id=record_id)
    return await get_patient(session, actor, patient_id=record_id)


async def _change(
    session: AsyncSession, actor: Actor, row: Person | Patient | PatientLead, change: Body, version: int
) -> Person | Patient | PatientLead:
    """Stale when the row has another version by then."""
    if isinstance(row, Person) and isinstance(change, PersonUpdate):
        return await change_person(session, actor, person_id=row.person_id, change=change, if_match=etag(version))
    if isinstance(row, PatientLead) and isinstance(change, LeadUpdate):
        return await change_lead(session, actor, lead_id=row.lead_id, change=change, if_match=etag(version))
    assert isinstance(row, Patient)  # noqa: S101 - there are no others
    assert isinstance(change, PatientUpdate)  # noqa: S101 - as above
    if_match = etag(version, row.person.version)
    return await change_patient(session, actor, patient_id=row.patient_id, change=change, if_match=if_match)


async def _put_back(
    session: AsyncSession,
    actor: Actor,
    row: Person | Patient | PatientLead,
    model: type[Body],
    field: str,
    at: Versions,
) -> None:
    """The value that one's own change took away. Stale when somebody has changed the row since."""
    (key,) = row.__mapper__.primary_key_from_instance(row)
    before = await before_own_change(session, record_id=key, account_id=actor.account_id, since=at[0], until=at[1])
    value = before[field]
    if field == "date_of_birth" and value:
        value = value[: _KNOWN_TO[before["date_of_birth_precision"]]]
    await _change(session, actor, row, model.model_validate({field: value}), at[1])


_KNOWN_TO = {"year": 4, "month": 7, "day": 10}
"""So many letters of a day are said of a birth date that is known as far as that."""


def _is_to_be_saved(stands: Person | Patient | PatientLead, change: Body, *, field: str, seen: str) -> bool:
    now, wanted = as_typed(getattr(stands, field)), as_typed(getattr(change, field))
    if now not in (wanted, seen):
        raise ChangedMeanwhile
    return wanted != now


async def _picked(
    request: Request, session: AsyncSession, actor: Actor, fact: Fact
) -> tuple[Picked | None, list[FieldError]]:
    """What was chosen from a picker, None where the field has none, and what is wrong with it."""
    return await picked(request, session, actor, BY_NAME[fact.picker], fact.field) if fact.picker else (None, [])


async def _editing(session: AsyncSession, actor: Actor, fact: Fact, context: Mapping[str, Any]) -> Editing:
    """The form of a field as it stands."""
    stands = None
    if fact.picker:
        record = context["patient"] if "patient" in context else context["lead"]
        stands = await standing(session, actor, BY_NAME[fact.picker], getattr(record, fact.field))
    return Editing(
        fact.field,
        fact.label,
        fact.control,
        fact.hint,
        list(fact.options()),
        fact.was,
        empty=fact.empty,
        picker=fact.picker,
        picked=stands,
        stands=stands,
    )


for _serve in (_add, _add_undo):
    for _about in (PATIENTS, LEADS, PEOPLE):
        _serve(_about, OF_PERSON, PersonUpdate, kind="fact", permission="person.write")
    _serve(PATIENTS, OF_PATIENT, PatientUpdate, kind="date", permission="patient.write")
    _serve(PATIENTS, _in_case("owners-of-patients"), PatientUpdate, kind="case", permission="patient.write")
    _serve(LEADS, _in_case("owners-of-leads"), LeadUpdate, kind="case", permission="lead.write")
