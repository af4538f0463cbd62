"""
What hangs on somebody, on the page of their record: contact points, roles, relationships and, of a patient, the care
team. Each is added, changed and ended in a form that opens where it stands; a page without a script shows the same.

A kind of them is declared once (`Part`). A form says which version it was made from: when somebody else has changed it
by then nothing is written, and the form comes back with both. The toast takes back what was ended by mistake.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.request_guard import CurrentActor, DbSession
from app.patients.care_team import answers as care_answers
from app.patients.care_team import queries as care_queries
from app.patients.care_team import service as care_team
from app.patients.care_team.schemas import CareLinkCreate, CareLinkUpdate
from app.patients.models import RELATIONSHIP_TYPES
from app.people import contacts, queries, roles
from app.people.answers import read_role
from app.people.errors import PersonNotFound
from app.people.schemas import (
    Authority,
    ContactKind,
    ContactPointCreate,
    ContactPointRead,
    ContactPointRemoval,
    RelationshipCreate,
    RelationshipRead,
    RelationshipType,
    RelationshipUpdate,
    RoleCreate,
    RoleUpdate,
)
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound, Stale, invalid_field
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT, PageQuery
from app.platform.text import Answer, Body
from app.web.about import LEADS, PATIENTS, PEOPLE, About
from app.web.facts import RECORDS
from app.web.forms import as_typed, read_form
from app.web.oversight import zone_of
from app.web.page_guard import allow, form_again, go_to, known_errors, page_router
from app.web.people import ABOUT
from app.web.pickers import Picked
from app.web.render import Flash, page, wanted_block
from app.web.things import Choices, Field, TypedInto, standing_in, texts_of, typed_into
from app.web.words import shown_in, words

router = page_router()

_LONGEST_NUMBER: Final = 9


@dataclass(frozen=True)
class Whose:
    """Whose they are: the person, and the patient where the record is one."""

    person_id: UUID
    patient_id: UUID | None


@dataclass(frozen=True)
class Part:
    """
    One kind of what hangs on somebody. `first` are the fields that only a new one has, `fields` those that change.

    `get`, `add`, `change`, `end` and `undo` are functions of its package; `undo` is told what is taken back.
    """

    path: str
    key: str
    noun: str
    title: str
    adds: str
    changes: str
    right: str
    create: type[Body]
    update: type[Body]
    first: Sequence[Field]
    fields: Sequence[Field]
    get: Callable[[AsyncSession, Actor, Whose, UUID], Awaitable[Any]]
    id_of: Callable[[Any], UUID]
    read: Callable[[Any], Answer]
    add: Callable[[AsyncSession, Actor, Whose, Any], Awaitable[Any]]
    change: Callable[[AsyncSession, Actor, Whose, UUID, Any, str | None], Awaitable[Any]]
    undo: Callable[[AsyncSession, Actor, Whose, UUID, str, str], Awaitable[Any]]
    end: Callable[[AsyncSession, Actor, Whose, UUID, str | None], Awaitable[Any]] | None = None
    defaults: Mapping[str, str | Picked] = field(default_factory=dict)

    @property
    def new_fields(self) -> Sequence[Field]:
        """The fields of a new one."""
        return (*self.first, *(one for one in self.fields if one.name in self.create.model_fields))


@dataclass(frozen=True)
class Attaching:
    """
    A form about one of them, as the template gets it. What is not in `typed` is shown as it stands in `row`.

    `differs` are the fields that somebody else has changed meanwhile.
    """

    part: str
    action: str
    title: str
    row_id: UUID | None
    fields: Sequence[tuple[Field, Choices]]
    typed: TypedInto
    row: Answer | None = None
    seen: str = ""
    end: str | None = None
    differs: Sequence[str] = ()


def _options(codes: Sequence[str]) -> Choices:
    return [(code, words(code)) for code in codes]


class NewRelationship(RelationshipCreate):
    """`acts` says who of the two speaks or acts for the other: `they`, or `this` person of the record."""

    acts: Literal["they", "this"] = "they"


# Contact points -------------------------------------------------------------------------------------------------


async def _remove_point(
    session: AsyncSession, actor: Actor, whose: Whose, point_id: UUID, removal: ContactPointRemoval, _seen: str | None
) -> Any:
    await contacts.remove_contact_point(
        session, actor, person_id=whose.person_id, contact_point_id=point_id, was=removal.was
    )
    return await queries.get_contact_point(
        session, actor, person_id=whose.person_id, contact_point_id=point_id, gone_too=True
    )


async def _undo_point(session: AsyncSession, actor: Actor, whose: Whose, point_id: UUID, what: str, _seen: str) -> None:
    if what == "add":
        await _remove_point(session, actor, whose, point_id, ContactPointRemoval(was="wrong"), None)
    else:
        await contacts.use_contact_point_again(session, actor, person_id=whose.person_id, contact_point_id=point_id)


CONTACT_POINTS = Part(
    path="contact-points",
    key="contact_point_id",
    noun="contact_point",
    title=_("Contact point"),
    adds=_("Add a way to reach them"),
    changes=_("No longer used"),
    right="person.write",
    create=ContactPointCreate,
    update=ContactPointRemoval,
    first=(
        Field("kind", _("Kind"), "select", _options(get_args(ContactKind)), required=True),
        Field("value", _("Address or number"), required=True),
        Field("is_shared", _("Shared with others"), "yes_no", hint=_("Such as the address of a family or a clinic.")),
    ),
    fields=(
        Field(
            "was",
            _("What was it?"),
            "select",
            [
                ("former", _("Theirs until now")),
                ("wrong", _("Wrong")),
                ("someone_elses", _("Somebody else's")),
            ],
            required=True,
        ),
    ),
    get=lambda session, actor, whose, key: queries.get_contact_point(
        session, actor, person_id=whose.person_id, contact_point_id=key
    ),
    id_of=lambda row: row.contact_point_id,
    read=ContactPointRead.model_validate,
    add=lambda session, actor, whose, new: contacts.add_contact_point(
        session, actor, person_id=whose.person_id, new=new
    ),
    change=_remove_point,
    undo=_undo_point,
    defaults={"kind": "phone", "is_shared": "false"},
)


# Roles ----------------------------------------------------------------------------------------------------------


async def _change_role(
    session: AsyncSession, actor: Actor, whose: Whose, role_id: UUID, change: RoleUpdate, seen: str | None
) -> Any:
    return await roles.change_role(
        session, actor, person_id=whose.person_id, person_contact_type_id=role_id, change=change, if_match=seen
    )


ROLES = Part(
    path="roles",
    key="role_id",
    noun="role",
    title=_("Role"),
    adds=_("Add a role"),
    changes=_("Change the role"),
    right="person.write",
    create=RoleCreate,
    update=RoleUpdate,
    first=(Field("type_name", _("Role"), "select", required=True),),
    fields=(
        Field(
            "valid_from", _("Since"), hint=_("Such as yesterday, 3/4/2026 or 2026-04-03 09:30. Left empty it is now.")
        ),
        Field("valid_to", _("Until")),
        Field("hospital_id", _("Hospital"), "picker", picker="hospitals"),
        Field("job_title", _("Job title")),
    ),
    get=lambda session, actor, whose, key: queries.get_role(
        session, actor, person_id=whose.person_id, person_contact_type_id=key
    ),
    id_of=lambda row: row.person_contact_type_id,
    read=read_role,
    add=lambda session, actor, whose, new: roles.add_role(session, actor, person_id=whose.person_id, new=new),
    change=_change_role,
    undo=lambda session, actor, whose, key, _what, seen: _change_role(
        session, actor, whose, key, RoleUpdate(valid_to=None), seen
    ),
    end=lambda session, actor, whose, key, seen: _change_role(
        session, actor, whose, key, RoleUpdate(valid_to=clock.now()), seen
    ),
)


# Relationships --------------------------------------------------------------------------------------------------


async def _relate(session: AsyncSession, actor: Actor, whose: Whose, new: NewRelationship) -> Any:
    given = RelationshipCreate.model_validate(new.model_dump(exclude={"acts"}))
    if new.acts == "this":
        return await contacts.add_relationship(session, actor, person_id=whose.person_id, new=given)
    given = given.model_copy(update={"related_person_id": whose.person_id})
    try:
        return await contacts.add_relationship(session, actor, person_id=new.related_person_id, new=given)
    except PersonNotFound:
        raise invalid_field("related_person_id", "unknown_reference", _("There is no such person.")) from None


async def _change_relationship(
    session: AsyncSession, actor: Actor, whose: Whose, key: UUID, change: RelationshipUpdate, seen: str | None
) -> Any:
    return await contacts.change_relationship(
        session, actor, person_id=whose.person_id, person_relationship_id=key, change=change, if_match=seen
    )


RELATIONSHIPS = Part(
    path="relationships",
    key="relationship_id",
    noun="relationship",
    title=_("Relationship"),
    adds=_("Add a relationship"),
    changes=_("Change the relationship"),
    right="person.write",
    create=NewRelationship,
    update=RelationshipUpdate,
    first=(
        Field("related_person_id", _("With whom"), "picker", required=True, picker="people"),
        Field(
            "acts",
            _("Who acts for whom"),
            "select",
            [
                ("they", _("They speak or act for this person")),
                ("this", _("This person speaks or acts for them")),
            ],
            required=True,
        ),
    ),
    fields=(
        Field(
            "relationship_type",
            _("The one who acts is the"),
            "select",
            _options(get_args(RelationshipType)),
            required=True,
        ),
        Field("authority", _("Authority"), "select", _options(get_args(Authority)), required=True),
        Field("start_date", _("Since"), hint=_("A day, such as yesterday or 3/4/2026.")),
        Field("end_date", _("Until")),
        Field("notes", _("Notes"), "text"),
    ),
    get=lambda session, actor, whose, key: queries.get_relationship(
        session, actor, person_id=whose.person_id, person_relationship_id=key
    ),
    id_of=lambda row: row.person_relationship_id,
    read=RelationshipRead.model_validate,
    add=_relate,
    change=_change_relationship,
    undo=lambda session, actor, whose, key, _what, seen: _change_relationship(
        session, actor, whose, key, RelationshipUpdate(end_date=None), seen
    ),
    end=lambda session, actor, whose, key, seen: _change_relationship(
        session, actor, whose, key, RelationshipUpdate(end_date=clock.today()), seen
    ),
    defaults={"acts": "they", "authority": "none"},
)


# The care team --------------------------------------------------------------------------------------------------


def _patient_of(whose: Whose) -> UUID:
    assert whose.patient_id is not None  # noqa: S101 - the care team is of patients alone
    return whose.patient_id


async def _change_link(
    session: AsyncSession, actor: Actor, whose: Whose, key: UUID, change: CareLinkUpdate, seen: str | None
) -> Any:
    patient_id = _patient_of(whose)
    return await care_team.change_care_link(
        session, actor, patient_id=patient_id, patient_physician_id=key, change=change, if_match=seen
    )


async def _end_link(session: AsyncSession, actor: Actor, whose: Whose, key: UUID, seen: str | None) -> Any:
    patient_id = _patient_of(whose)
    await care_team.end_care_link(session, actor, patient_id=patient_id, patient_physician_id=key, if_match=seen)
    return await care_queries.get_care_link(session, actor, patient_id=patient_id, patient_physician_id=key)


CARE_TEAM = Part(
    path="physicians",
    key="patient_physician_id",
    noun="physician_of_patient",
    title=_("Physician"),
    adds=_("Add a physician"),
    changes=_("Change this physician"),
    right="relationship.write",
    create=CareLinkCreate,
    update=CareLinkUpdate,
    first=(Field("physician_id", _("Physician"), "picker", required=True, picker="physicians"),),
    fields=(
        Field("relationship_type", _("Part"), "select", _options(RELATIONSHIP_TYPES), required=True),
        Field("is_primary", _("Primary"), "yes_no"),
        Field("start_date", _("Since"), hint=_("A day, such as yesterday or 3/4/2026.")),
        Field("end_date", _("Until")),
    ),
    get=lambda session, actor, whose, key: care_queries.get_care_link(
        session, actor, patient_id=_patient_of(whose), patient_physician_id=key
    ),
    id_of=lambda row: row.patient_physician_id,
    read=care_answers.read,
    add=lambda session, actor, whose, new: care_team.link_physician(
        session, actor, patient_id=_patient_of(whose), new=new
    ),
    change=_change_link,
    undo=lambda session, actor, whose, key, what, seen: _change_link(
        session,
        actor,
        whose,
        key,
        CareLinkUpdate(end_date=None, is_primary=True) if what == "end_of_primary" else CareLinkUpdate(end_date=None),
        seen,
    ),
    end=_end_link,
    defaults={"is_primary": "false"},
)
PARTS: Mapping[About, Sequence[Part]] = {
    PATIENTS: (CONTACT_POINTS, ROLES, RELATIONSHIPS, CARE_TEAM),
    LEADS: (CONTACT_POINTS, ROLES, RELATIONSHIPS),
    PEOPLE: (CONTACT_POINTS, ROLES, RELATIONSHIPS),
}


async def _whose(session: AsyncSession, actor: Actor, about: About, record_id: UUID) -> Whose:
    person = await about.person(session, actor, record_id)
    return Whose(person.person_id, record_id if about is PATIENTS else None)


async def _choices(session: AsyncSession, actor: Actor, one: Field) -> Choices:
    if one.name != "type_name":
        return one.choices
    found = await queries.list_contact_types(session, actor, query=PageQuery(limit=MAX_LIMIT))
    return _options([row.type_name for row in found.rows])


def _blank(fields: Sequence[Field]) -> dict[str, str | Picked]:
    return {one.name: Picked() if one.picker else "" for one in fields}


@dataclass(frozen=True)
class Forms:
    """The forms of one kind on the pages of one kind of record."""

    about: About
    part: Part

    @property
    def place(self) -> str:
        """The address of all of them, for routes."""
        return f"{self.about.address}/{self.part.path}"

    @property
    def one(self) -> str:
        """The address of one of them, for routes."""
        return f"{self.place}/{{{self.part.key}}}"

    def at(self, record_id: UUID, item: object) -> str:
        """The address of one of a record."""
        return f"{self.about.path}/{record_id}/{self.part.path}/{item}"

    def undoing(self, record_id: UUID, row: Any, what: str) -> str:
        """Where it is posted that something is taken back."""
        return f"{self.at(record_id, self.part.id_of(row))}/undo?what={what}&seen={row.version}"

    async def record(self, request: Request, session: AsyncSession, actor: Actor, record_id: UUID) -> dict[str, Any]:
        """What the page of the record shows."""
        context: dict[str, Any] = await RECORDS[self.about][1](request, session, actor, record_id)
        return context

    async def new(
        self, request: Request, session: AsyncSession, actor: Actor, record_id: UUID, typed: TypedInto | None = None
    ) -> dict[str, Any]:
        """The page with the form of a new one."""
        fields = self.part.new_fields
        form = Attaching(
            self.part.path,
            self.at(record_id, "new"),
            self.part.adds,
            None,
            [(one, await _choices(session, actor, one)) for one in fields],
            typed or {**_blank(fields), **self.part.defaults},
        )
        return {**await self.record(request, session, actor, record_id), "attaching": form}

    async def of(
        self,
        request: Request,
        session: AsyncSession,
        actor: Actor,
        record_id: UUID,
        item_id: UUID,
        *,
        typed: TypedInto | None = None,
        differs: Sequence[str] = (),
    ) -> dict[str, Any]:
        """The page with the form of one that there is."""
        part = self.part
        context = await self.record(request, session, actor, record_id)
        row = await part.get(session, actor, await _whose(session, actor, self.about, record_id), item_id)
        answer = part.read(row)
        form = Attaching(
            part.path,
            f"{self.at(record_id, item_id)}/edit",
            part.changes,
            item_id,
            [(one, one.choices) for one in part.fields],
            typed or await standing_in(session, actor, part.fields, answer),
            row=answer,
            seen=etag(row.version),
            end=f"{self.at(record_id, item_id)}/end" if part.end is not None and _is_open(answer) else None,
            differs=differs,
        )
        return {**context, "attaching": form}

    async def done(
        self, request: Request, session: AsyncSession, actor: Actor, record_id: UUID, item_id: UUID, flash: Flash
    ) -> Response:
        """The record as it is now, with what was done."""
        if wanted_block(request) != ABOUT:
            return go_to(request, f"{self.about.path}/{record_id}", flash=flash)
        context = await self.record(request, session, actor, record_id)
        shown = {**context, "saved": f"{self.part.path}:{item_id}"}
        return page(request, RECORDS[self.about][0], shown, flashes=[flash])

    def again(self, request: Request, context: Mapping[str, Any], error: AppError) -> Response:
        """The form with what was typed and what is wrong with it."""
        return form_again(request, RECORDS[self.about][0], context, error)


def _add_new(forms: Forms) -> None:
    about, part, key = forms.about, forms.part, Path(alias=forms.about.key)

    @router.get(f"{forms.place}/new", name=f"show_new_{part.noun}", dependencies=[allow(part.right)])
    async def show_new(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        return page(request, RECORDS[about][0], await forms.new(request, session, actor, record_id))

    @router.post(f"{forms.place}/new", name=f"add_{part.noun}", dependencies=[allow(part.right)])
    async def add(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        typed, wrong = await typed_into(request, session, actor, part.new_fields)
        try:
            given = {name: value for name, value in texts_of(typed).items() if value}
            new = read_form(part.create, given, zone=zone_of(request), wrong=wrong)
            whose = await _whose(session, actor, about, record_id)
            async with known_errors(request, session):
                row = await part.add(session, actor, whose, new)
        except NotFound:
            raise
        except AppError as error:
            return forms.again(request, await forms.new(request, session, actor, record_id, typed), error)
        undo = forms.undoing(record_id, row, "add") if part is CONTACT_POINTS else None
        flash = Flash(_("%(thing)s added.", thing=part.title), undo=undo)
        return await forms.done(request, session, actor, record_id, part.id_of(row), flash)


def _add_change(forms: Forms) -> None:
    about, part = forms.about, forms.part
    record_key, item_key = Path(alias=about.key), Path(alias=part.key)

    @router.get(f"{forms.one}/edit", name=f"show_{part.noun}_form", dependencies=[allow(part.right)])
    async def show_form(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        record_id: UUID = record_key,
        item_id: UUID = item_key,
    ) -> Response:
        return page(request, RECORDS[about][0], await forms.of(request, session, actor, record_id, item_id))

    @router.post(f"{forms.one}/edit", name=f"change_{part.noun}", dependencies=[allow(part.right)])
    async def change(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        record_id: UUID = record_key,
        item_id: UUID = item_key,
    ) -> Response:
        """The fields that were changed, as they stood when the form was opened."""
        typed, wrong = await typed_into(request, session, actor, part.fields)
        whose = await _whose(session, actor, about, record_id)
        before = _before(request, part, part.read(await part.get(session, actor, whose, item_id)))
        given = {name: value for name, value in texts_of(typed).items() if value not in (before[name], HIDDEN)}
        try:
            update = read_form(part.update, given, zone=zone_of(request), wrong=wrong)
            async with known_errors(request, session):
                row = await part.change(session, actor, whose, item_id, update, await _seen(request))
        except NotFound:
            raise
        except AppError as error:
            differs = list(given) if isinstance(error, Stale) else []
            context = await forms.of(request, session, actor, record_id, item_id, typed=typed, differs=differs)
            return forms.again(request, context, error)
        undo = forms.undoing(record_id, row, "remove") if part is CONTACT_POINTS else None
        said = _("%(thing)s removed.", thing=part.title) if undo else _("%(thing)s saved.", thing=part.title)
        return await forms.done(request, session, actor, record_id, item_id, Flash(said, undo=undo))


def _add_end(forms: Forms) -> None:
    about, part = forms.about, forms.part
    record_key, item_key = Path(alias=about.key), Path(alias=part.key)

    @router.post(f"{forms.one}/end", name=f"end_{part.noun}", dependencies=[allow(part.right)])
    async def end(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        record_id: UUID = record_key,
        item_id: UUID = item_key,
    ) -> Response:
        """It ends today, and the toast takes that back."""
        assert part.end is not None  # noqa: S101 - served for those alone
        whose = await _whose(session, actor, about, record_id)
        before = part.read(await part.get(session, actor, whose, item_id))
        try:
            async with known_errors(request, session):
                row = await part.end(session, actor, whose, item_id, await _seen(request))
        except NotFound:
            raise
        except AppError as error:
            return forms.again(request, await forms.of(request, session, actor, record_id, item_id), error)
        # An end that was to come later is not put back by taking the end away.
        what = "end_of_primary" if getattr(before, "is_primary", False) else "end"
        undo = forms.undoing(record_id, row, what) if _end_of(before) is None else None
        flash = Flash(_("%(thing)s ended.", thing=part.title), undo=undo)
        return await forms.done(request, session, actor, record_id, item_id, flash)


def _add_undo(forms: Forms) -> None:
    about, part = forms.about, forms.part
    record_key, item_key = Path(alias=about.key), Path(alias=part.key)

    @router.post(f"{forms.one}/undo", name=f"undo_{part.noun}", dependencies=[allow(part.right)])
    async def undo(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        record_id: UUID = record_key,
        item_id: UUID = item_key,
        what: str = "",
        seen: str = "",
    ) -> Response:
        """What was just done is taken back, while nobody has changed it since."""
        whose = await _whose(session, actor, about, record_id)
        is_number = seen.isascii() and seen.isdigit() and len(seen) <= _LONGEST_NUMBER
        flash = Flash(_("Undone."))
        try:
            async with known_errors(request, session):
                await part.undo(session, actor, whose, item_id, what, etag(int(seen) if is_number else 0))
        except NotFound:
            raise
        except AppError as error:
            why = _("It was changed meanwhile.") if isinstance(error, Stale) else error.error_detail
            flash = Flash(_("Not undone. %(why)s", why=why), "warning")
        return go_to(request, f"{about.path}/{record_id}", flash=flash)


async def _seen(request: Request) -> str | None:
    """The version that the form was made from."""
    return str((await request.form()).get("seen", "")) or None


def _end_of(answer: Answer) -> Any:
    return getattr(answer, "valid_to", getattr(answer, "end_date", None))


def _is_open(answer: Answer) -> bool:
    """Whether it can be ended now."""
    until = _end_of(answer)
    return until is None or until > (clock.now() if isinstance(until, datetime) else clock.today())


def _before(request: Request, part: Part, answer: Answer) -> dict[str, str]:
    """What stands in the fields of a form that nobody has touched."""
    with shown_in(zone_of(request)):
        return {one.name: as_typed(getattr(answer, one.name, "")) for one in part.fields}


for _about, _parts in PARTS.items():
    for _part in _parts:
        _forms = Forms(_about, _part)
        _add_new(_forms)
        _add_change(_forms)
        _add_undo(_forms)
        if _part.end is not None:
            _add_end(_forms)
