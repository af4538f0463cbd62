"""`/persons`: found or made, read, changed, deactivated; their roles, contact points, relationships and submissions."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.people import contacts, queries, roles, service
from app.people.answers import read_role
from app.people.departures.queries import current_departures
from app.people.departures.schemas import DepartureSummary, PersonDetail
from app.people.models import Person
from app.people.opt_outs import opt_outs_of
from app.people.schemas import (
    ContactPointCreate,
    ContactPointRead,
    ContactPointRemoval,
    ContactTypeRead,
    PersonCreated,
    PersonFilter,
    PersonProbe,
    PersonRead,
    PersonSubmission,
    PersonUpdate,
    ProbeRead,
    RelationshipCreate,
    RelationshipRead,
    RelationshipUpdate,
    RoleCreate,
    RoleRead,
    RoleUpdate,
    SearchPage,
    SubmissionRead,
)
from app.platform.etags import etag
from app.platform.paging import Page, PageQuery
from app.platform.text import Id

router = api_router("/persons", "persons")
contact_types = api_router("/contact-types", "persons")

ListQuery = Annotated[PageQuery, Query()]


def read(person: Person) -> PersonRead:
    return PersonRead.model_validate(person)


@router.post(
    "",
    status_code=201,
    response_model=PersonCreated,
    responses={200: {"model": PersonCreated, "description": "The person was known."}},
    dependencies=[allow("person.create")],
)
async def create_person(
    new: PersonSubmission, request: Request, session: DbSession, actor: CurrentActor, response: Response
) -> PersonCreated:
    """
    Find or make a person: 201 when new, 200 when known. `match` tells why; nothing known is overwritten.

    409 `email_belongs_to_someone_else` when the address is another human's; with `shared_email` they may share it.
    """
    identified = await service.identify_or_create(
        session,
        actor,
        new=new,
        intake=new,
        payload=await request.json(),
        shared_email=new.shared_email,
    )
    person = identified.person
    audit.note(session, record_type="person", record_id=person.person_id)
    response.status_code = 201 if identified.is_new else 200
    response.headers["etag"] = etag(person.version)
    response.headers["location"] = f"{router.prefix}/{person.person_id}"
    return PersonCreated.model_validate(
        {
            **{field: getattr(person, field) for field in PersonRead.model_fields},
            "intake_submission_id": identified.submission.intake_submission_id,
            "match": identified.match,
        }
    )


@router.post("/match", response_model=ProbeRead, dependencies=[allow("person.search")])
async def match_person(asked: PersonProbe, session: DbSession, actor: CurrentActor) -> ProbeRead:
    """What a create would answer. Nothing is stored."""
    return await service.probe(session, actor, asked=asked)


@router.get("", response_model=SearchPage[PersonRead], dependencies=[allow("person.read")])
async def list_persons(
    query: Annotated[PersonFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[PersonRead]:
    """
    Persons, newest first. `q` finds them by any part of a name in every spelling, by e-mail, phone, birth date,
    reference and numbers of their records, best first; it needs the permission to search.
    """
    found = await queries.list_persons(session, actor, query=query)
    return audit.show_page(session, found, map(read, found.rows))


@router.get("/{person_id}", response_model=PersonDetail, dependencies=[allow("person.read")])
async def get_person(person_id: Id, session: DbSession, actor: CurrentActor, response: Response) -> PersonDetail:
    """
    A person; `departures` says whether they have died or withdrawn, since when and by whom; `opt_outs` since when each
    of their opt-outs stands and what brought it.
    """
    person = await queries.get_person(session, actor, person_id=person_id)
    departures = await current_departures(session, person_id=person_id)
    opt_outs = await opt_outs_of(session, person)
    _showed(session, person_id)
    response.headers["etag"] = etag(person.version)
    shown = [DepartureSummary.model_validate(departure) for departure in departures]
    return PersonDetail(**read(person).model_dump(), departures=shown, opt_outs=opt_outs)


@router.put("/{person_id}", response_model=PersonRead, dependencies=[allow("person.write")])
async def update_person(
    person_id: Id,
    change: PersonUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> PersonRead:
    """Change the fields given; an empty body changes nothing. 409 `email_taken` when another person has the address."""
    person = await service.change_person(session, actor, person_id=person_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(person.version)
    return read(person)


@router.delete("/{person_id}", status_code=204, dependencies=[allow("person.write")])
async def deactivate_person(person_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch) -> None:
    """Set the person inactive: kept, and active again when they return. 409 `patient_active` for who is helped."""
    await service.deactivate_person(session, actor, person_id=person_id, if_match=if_match)


@router.get("/{person_id}/roles", response_model=Page[RoleRead], dependencies=[allow("person.read")])
async def list_person_roles(person_id: Id, query: ListQuery, session: DbSession, actor: CurrentActor) -> Page[RoleRead]:
    """The person's roles over time, the latest first."""
    found = await queries.list_roles(session, actor, person_id=person_id, query=query)
    _showed(session, person_id)
    return audit.show_page(session, found, map(read_role, found.rows))


@router.post("/{person_id}/roles", status_code=201, response_model=RoleRead, dependencies=[allow("person.write")])
async def add_person_role(
    person_id: Id, new: RoleCreate, session: DbSession, actor: CurrentActor, response: Response
) -> RoleRead:
    """Give the person a role. 409 `roles_overlap` when they have it in a part of that time."""
    role = await roles.add_role(session, actor, person_id=person_id, new=new)
    response.headers["etag"] = etag(role.version)
    return read_role(role)


@router.put("/{person_id}/roles/{role_id}", response_model=RoleRead, dependencies=[allow("person.write")])
async def update_person_role(
    person_id: Id,
    role_id: Id,
    change: RoleUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> RoleRead:
    """Change the fields given; `valid_to` ends the role."""
    role = await roles.change_role(
        session, actor, person_id=person_id, person_contact_type_id=role_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(role.version)
    return read_role(role)


@router.get("/{person_id}/contact-points", response_model=Page[ContactPointRead], dependencies=[allow("person.read")])
async def list_contact_points(
    person_id: Id, query: ListQuery, session: DbSession, actor: CurrentActor
) -> Page[ContactPointRead]:
    """The person's further e-mails and phones, newest first."""
    found = await queries.list_contact_points(session, actor, person_id=person_id, query=query)
    _showed(session, person_id)
    return audit.show_page(session, found, map(ContactPointRead.model_validate, found.rows))


@router.post(
    "/{person_id}/contact-points",
    status_code=201,
    response_model=ContactPointRead,
    dependencies=[allow("person.write")],
)
async def add_contact_point(
    person_id: Id, new: ContactPointCreate, session: DbSession, actor: CurrentActor
) -> ContactPointRead:
    """Add an e-mail or phone. 409 `email_taken` when the address is another person's and `is_shared` is not set."""
    point = await contacts.add_contact_point(session, actor, person_id=person_id, new=new)
    return ContactPointRead.model_validate(point)


@router.delete("/{person_id}/contact-points/{contact_point_id}", status_code=204, dependencies=[allow("person.write")])
async def remove_contact_point(
    person_id: Id,
    contact_point_id: Id,
    query: Annotated[ContactPointRemoval, Query()],
    session: DbSession,
    actor: CurrentActor,
) -> None:
    """Use an e-mail or phone no more. A `former` one still recognises the person, the others do not."""
    await contacts.remove_contact_point(
        session, actor, person_id=person_id, contact_point_id=contact_point_id, was=query.was
    )


@router.get("/{person_id}/relationships", response_model=Page[RelationshipRead], dependencies=[allow("person.read")])
async def list_person_relationships(
    person_id: Id, query: ListQuery, session: DbSession, actor: CurrentActor
) -> Page[RelationshipRead]:
    """Whom the person speaks or acts for, and who does so for them; newest first."""
    found = await queries.list_relationships(session, actor, person_id=person_id, query=query)
    _showed(session, person_id)
    return audit.show_page(session, found, map(RelationshipRead.model_validate, found.rows))


@router.post(
    "/{person_id}/relationships",
    status_code=201,
    response_model=RelationshipRead,
    dependencies=[allow("person.write")],
)
async def add_person_relationship(
    person_id: Id, new: RelationshipCreate, session: DbSession, actor: CurrentActor, response: Response
) -> RelationshipRead:
    """Make the person somebody's caregiver or representative."""
    relationship = await contacts.add_relationship(session, actor, person_id=person_id, new=new)
    response.headers["etag"] = etag(relationship.version)
    return RelationshipRead.model_validate(relationship)


@router.put(
    "/{person_id}/relationships/{relationship_id}",
    response_model=RelationshipRead,
    dependencies=[allow("person.write")],
)
async def update_person_relationship(
    person_id: Id,
    relationship_id: Id,
    change: RelationshipUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> RelationshipRead:
    """Change the fields given; `end_date` ends the relationship. Either person's address will do."""
    relationship = await contacts.change_relationship(
        session,
        actor,
        person_id=person_id,
        person_relationship_id=relationship_id,
        change=change,
        if_match=if_match,
    )
    response.headers["etag"] = etag(relationship.version)
    return RelationshipRead.model_validate(relationship)


@router.get("/{person_id}/submissions", response_model=Page[SubmissionRead], dependencies=[allow("person.read")])
async def list_submissions(
    person_id: Id, query: ListQuery, session: DbSession, actor: CurrentActor
) -> Page[SubmissionRead]:
    """What arrived for the person, as it came, newest first."""
    found = await queries.list_submissions(session, actor, person_id=person_id, query=query)
    _showed(session, person_id)
    return audit.show_page(session, found, map(SubmissionRead.model_validate, found.rows))


@contact_types.get("", response_model=Page[ContactTypeRead], dependencies=[allow("person.read")])
async def list_contact_types(query: ListQuery, session: DbSession, actor: CurrentActor) -> Page[ContactTypeRead]:
    """The roles that a person can have."""
    found = await queries.list_contact_types(session, actor, query=query)
    return audit.show_page(session, found, map(ContactTypeRead.model_validate, found.rows))


def _showed(session: DbSession, person_id: Id) -> None:
    audit.note(session, record_type="person", record_id=person_id, person_ids=[person_id])
