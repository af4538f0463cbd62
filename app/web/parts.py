"""
What hangs on somebody, each kind declared once (`Part`): contact points, roles, relationships and, of a patient, the
care team. A part names its fields, and the functions of its package that read and write one; app/web/attached.py
serves it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.history import before_own_change
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
    Intake,
    PersonCreate,
    RelationshipCreate,
    RelationshipRead,
    RelationshipType,
    RelationshipUpdate,
    RoleCreate,
    RoleUpdate,
)
from app.people.search.queries import new_caller_of
from app.people.service import identify_or_create
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Invalid, invalid_field
from app.platform.etags import etag, require_match
from app.platform.locales import _
from app.platform.text import Answer, Body
from app.web.about import LEADS, PATIENTS, PEOPLE, About
from app.web.forms import read_form
from app.web.pickers import Picked
from app.web.things import Choices, Field
from app.web.undoing import Versions
from app.web.words import words

Call = Callable[..., Awaitable[Any]]
"""A function of a package, asked by the names of its arguments."""


@dataclass(frozen=True)
class Part:
    """
    One kind of what hangs on somebody.

    `path` and `key` are of its addresses; `row_key` is what its rows and the functions call its id, `of` whose it is:
    a person's or a patient's. `first` are the fields that only a new one has, `fields` those that change.

    `get`, `add`, `change` and `end` are the functions of its package. `undo` puts back what a change has taken away;
    without one that is done by `change`. `is_only_removed`: nothing of it changes but that it is no longer used.
    """

    path: str
    key: str
    row_key: str
    noun: str
    title: str
    adds: str
    changes: str
    right: str
    create: type[Body]
    update: type[Body]
    first: Sequence[Field]
    fields: Sequence[Field]
    read: Callable[[Any], Answer]
    get: Call
    add: Call
    change: Call
    end: Call | None = None
    undo: Call | None = None
    of: Literal["person_id", "patient_id"] = "person_id"
    is_only_removed: bool = False
    defaults: Mapping[str, str | Picked] = field(default_factory=dict)

    @property
    def new_fields(self) -> Sequence[Field]:
        """The fields of a new one."""
        return (*self.first, *(one for one in self.fields if one.name in self.create.model_fields))

    def id_of(self, row: Any) -> UUID:
        """The id of one."""
        found: UUID = getattr(row, self.row_key)
        return found

    async def put_back(self, session: AsyncSession, actor: Actor, *, at: Versions, **one: UUID) -> None:
        """The fields that one's own change took away. Stale when somebody has changed it since."""
        if self.undo is not None:
            await self.undo(session, actor, at=at, **one)
            return
        row = await self.get(session, actor, **one)
        before = await _before(session, actor, self.id_of(row), at)
        was = self.update.model_validate({name: before[name] for name in self.update.model_fields})
        given = {name: before[name] for name in self.update.model_fields if getattr(was, name) != getattr(row, name)}
        change = self.update.model_validate(given)
        await self.change(session, actor, change=change, if_match=etag(at[1]), **one)


async def _before(session: AsyncSession, actor: Actor, key: UUID, at: Versions) -> dict[str, Any]:
    return await before_own_change(session, record_id=key, account_id=actor.account_id, since=at[0], until=at[1])


def options(codes: Sequence[str]) -> Choices:
    """Codes with their words."""
    return [(code, words(code)) for code in codes]


_DAY: Final = _("A day, such as yesterday or 3/4/2026.")


# Contact points -------------------------------------------------------------------------------------------------


async def _remove_point(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    contact_point_id: UUID,
    change: ContactPointRemoval,
    if_match: str | None,
) -> Any:
    point = {"person_id": person_id, "contact_point_id": contact_point_id}
    found = await queries.get_contact_point(session, actor, person_id=person_id, contact_point_id=contact_point_id)
    require_match(if_match, etag(found.version))
    return await contacts.remove_contact_point(session, actor, was=change.was, **point)


async def _undo_point(
    session: AsyncSession, actor: Actor, *, at: Versions, person_id: UUID, contact_point_id: UUID
) -> None:
    """What was just added is taken away as wrong; else it is what it was before."""
    point = {"person_id": person_id, "contact_point_id": contact_point_id}
    found = await queries.get_contact_point(
        session, actor, person_id=person_id, contact_point_id=contact_point_id, gone_too=True
    )
    require_match(etag(at[1]), etag(found.version))
    was = (await _before(session, actor, contact_point_id, at))["was"] if at[0] else "wrong"
    if was is None:
        await contacts.use_contact_point_again(session, actor, **point)
    else:
        await contacts.remove_contact_point(session, actor, was=was, **point)


CONTACT_POINTS = Part(
    path="contact-points",
    key="contact_point_id",
    row_key="contact_point_id",
    noun="contact_point",
    title=_("Contact point"),
    adds=_("Add a way to reach them"),
    changes=_("No longer used"),
    right="person.write",
    create=ContactPointCreate,
    update=ContactPointRemoval,
    first=(
        Field("kind", _("Kind"), "select", options(get_args(ContactKind)), required=True),
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
    read=ContactPointRead.model_validate,
    get=queries.get_contact_point,
    add=contacts.add_contact_point,
    change=_remove_point,
    undo=_undo_point,
    is_only_removed=True,
    defaults={"kind": "phone", "is_shared": "false"},
)


# Roles ----------------------------------------------------------------------------------------------------------


ROLES = Part(
    path="roles",
    key="role_id",
    row_key="person_contact_type_id",
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
    read=read_role,
    get=queries.get_role,
    add=roles.add_role,
    change=roles.change_role,
    end=lambda session, actor, **role: roles.change_role(
        session, actor, change=RoleUpdate(valid_to=clock.now()), **role
    ),
)


# Relationships --------------------------------------------------------------------------------------------------


class NewRelationship(RelationshipCreate):
    """`acts` says who of the two speaks or acts for the other: `they`, or `this` person of the record."""

    acts: Literal["they", "this"] = "they"


async def add_person(session: AsyncSession, actor: Actor, typed: str) -> UUID:
    """
    The person of this name, who is found as every submission finds one, or added. Invalid for what is no name.

    Forbidden without the right to add people.
    """
    actor.require("person.create")
    try:
        new = read_form(PersonCreate, new_caller_of(typed).model_dump(mode="json", exclude_none=True))
    except Invalid:
        raise invalid_field("related_person_id", "name_needed", _("Write their name.")) from None
    payload = new.model_dump(mode="json", exclude_unset=True)
    found = await identify_or_create(session, actor, new=new, intake=Intake(source="navigator"), payload=payload)
    return found.person.person_id


async def _relate(session: AsyncSession, actor: Actor, *, person_id: UUID, new: NewRelationship) -> Any:
    given = RelationshipCreate.model_validate(new.model_dump(exclude={"acts"}))
    if new.acts == "this":
        return await contacts.add_relationship(session, actor, person_id=person_id, new=given)
    given = given.model_copy(update={"related_person_id": person_id})
    try:
        return await contacts.add_relationship(session, actor, person_id=new.related_person_id, new=given)
    except PersonNotFound:
        raise invalid_field("related_person_id", "unknown_reference", _("There is no such person.")) from None


RELATIONSHIPS = Part(
    path="relationships",
    key="relationship_id",
    row_key="person_relationship_id",
    noun="relationship",
    title=_("Relationship"),
    adds=_("Add a relationship"),
    changes=_("Change the relationship"),
    right="person.write",
    create=NewRelationship,
    update=RelationshipUpdate,
    first=(
        Field("related_person_id", _("With whom"), "picker", required=True, picker="people-or-new"),
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
            options(get_args(RelationshipType)),
            required=True,
        ),
        Field("authority", _("Authority"), "select", options(get_args(Authority)), required=True),
        Field("start_date", _("Since"), hint=_DAY),
        Field("end_date", _("Until")),
        Field("notes", _("Notes"), "text"),
    ),
    read=RelationshipRead.model_validate,
    get=queries.get_relationship,
    add=_relate,
    change=contacts.change_relationship,
    end=lambda session, actor, **relationship: contacts.change_relationship(
        session, actor, change=RelationshipUpdate(end_date=clock.today()), **relationship
    ),
    defaults={"acts": "they", "authority": "none"},
)


# The care team --------------------------------------------------------------------------------------------------


CARE_TEAM = Part(
    path="physicians",
    key="patient_physician_id",
    row_key="patient_physician_id",
    noun="physician_of_patient",
    title=_("Physician"),
    adds=_("Add a physician"),
    changes=_("Change this physician"),
    right="relationship.write",
    create=CareLinkCreate,
    update=CareLinkUpdate,
    first=(Field("physician_id", _("Physician"), "picker", required=True, picker="physicians"),),
    fields=(
        Field("relationship_type", _("Part"), "select", options(RELATIONSHIP_TYPES), required=True),
        Field("is_primary", _("Primary"), "yes_no"),
        Field("start_date", _("Since"), hint=_DAY),
        Field("end_date", _("Until")),
    ),
    of="patient_id",
    read=care_answers.read,
    get=care_queries.get_care_link,
    add=care_team.link_physician,
    change=care_team.change_care_link,
    end=care_team.end_care_link,
    defaults={"is_primary": "false"},
)
PARTS: Mapping[About, Sequence[Part]] = {
    PATIENTS: (CONTACT_POINTS, ROLES, RELATIONSHIPS, CARE_TEAM),
    LEADS: (CONTACT_POINTS, ROLES, RELATIONSHIPS),
    PEOPLE: (CONTACT_POINTS, ROLES, RELATIONSHIPS),
}
