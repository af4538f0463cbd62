"""The list of records in which something does not fit together, for those who see that it is mended."""

from collections.abc import Mapping, Sequence
from typing import get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.oversight.records import BY_TYPE
from app.oversight.schemas import FaultyRecord, FaultyRecordRead, StandingFaultFilter
from app.oversight.standing_faults import list_faulty_records
from app.platform.locales import _
from app.web.about import Whose, whose_pages
from app.web.listing import Column, Filter, ListPage, add_list
from app.web.page_guard import page_router
from app.web.words import words

router = page_router()


def _place(record: FaultyRecordRead, page_of_person: str | None) -> str:
    if record.record_type == "patient_lead":
        return f"/leads/{record.record_id}"
    if page_of_person is not None:
        return page_of_person
    kind = BY_TYPE.get(record.record_type)
    return f"/history/{kind.path}/{record.record_id}" if kind else f"/history/persons/{record.person_id}"


async def _whose(session: AsyncSession, records: Sequence[FaultyRecordRead]) -> Mapping[UUID, Whose]:
    shown = await whose_pages(session, {record.person_id for record in records})
    found = {}
    for record in records:
        person, page = shown[record.person_id]
        found[record.record_id] = Whose(person=person, href=_place(record, page))
    return found


LIST = ListPage(
    path="/standing-faults",
    title=_("Standing faults"),
    permission="fault.read",
    noun=(_("record"), _("records")),
    order=_("broken rules first"),
    sort="",
    question=StandingFaultFilter,
    find=list_faulty_records,
    answer=FaultyRecordRead,
    read=lambda row: row,
    key="record_id",
    columns=(
        Column("name", _("Person"), 0, "beside.person", "whose"),
        Column("kind", _("Record"), 0, "record_type", "words"),
        Column("faults", _("What is wrong"), 0, "faults", "faults"),
    ),
    opens=(),
    filters=lambda _seen: [
        Filter("record_type", _("Record"), [(code, words(code)) for code in get_args(FaultyRecord)]),
    ],
    beside=_whose,
    beside_of=Whose,
    in_parts=True,
    empty=(
        _("Nothing stands wrong"),
        _("In none of these records something contradicts itself, and every date can be."),
        "shield-check",
    ),
)
add_list(router, LIST)
