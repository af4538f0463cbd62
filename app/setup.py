"""Making a database ready: schema, partitions, reference data. Safe to run at every start, by several at once."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.access.service import command_actor
from app.audit import service as audit
from app.conditions import service as conditions
from app.conditions.models import MedicalCondition
from app.journeys.norms import service as norms
from app.people.models import CONTACT_TYPES, ContactType
from app.platform import schema
from app.platform.advisory_locks import Lock, lock_until_commit
from app.platform.db import Database


async def add_reference_data(database: Database) -> int:
    """Contact types, norms of stages, and the curated conditions where there are none yet; how many of those."""
    actor = command_actor()
    async with database.unit_of_work() as session:
        await lock_until_commit(session, Lock.REFERENCE_DATA)
        for name, description in CONTACT_TYPES.items():
            await session.execute(
                insert(ContactType).values(type_name=name, description=description).on_conflict_do_nothing()
            )
        await norms.add_default_norms(session)
        if (await session.execute(select(func.count()).select_from(MedicalCondition))).scalar_one():
            # A steward's list is theirs: what they renamed or removed does not come back.
            return 0
        added = await conditions.add_curated_conditions(session, actor)
        audit.note(session, record_type="medical_condition", fields=["reference_data"])
        await audit.write_event(session, actor, action="add_reference_data")
        return added


def move_to_head(database_url: str) -> None:
    """Bring the schema to this code's newest revision and make the audit partitions ahead."""
    schema.upgrade(database_url)
