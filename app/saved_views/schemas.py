from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.platform.text import OMITTED, Answer, Body, Flag, line, one_of
from app.saved_views.words import LIST_NAMES

ListName: Any = one_of(LIST_NAMES)
ViewName: Any = line(60)
SortWord: Any = line(40, pattern=r"^-?[a-z_]+$")
ColumnKey: Any = line(40, pattern=r"^[a-z_]+$")
FilterValue: Any = line(100)
Filters = Annotated[dict[ColumnKey, FilterValue], Field(max_length=20)]
Columns = Annotated[list[ColumnKey], Field(max_length=50)]


class SavedViewCreate(Body):
    """
    `filters` are fields of the list's question by their names, without what is typed (`q`) and ids of people;
    `columns` those that are seen, null for those that the account has chosen.
    """

    list_name: ListName
    name: ViewName
    filters: Filters = Field(default_factory=dict)
    sort: SortWord | None = None
    columns: Columns | None = None
    is_shared: Flag = False


class SavedViewUpdate(Body):
    """The fields given are changed."""

    name: ViewName = OMITTED
    filters: Filters = OMITTED
    sort: SortWord | None = OMITTED
    columns: Columns | None = OMITTED
    is_shared: Flag = OMITTED


class SavedViewChoiceUpdate(Body):
    """Whether the view stands in one's own sidebar, and whether the list begins with it."""

    is_pinned: Flag
    is_default: Flag


class PinnedView(Answer):
    """What of a view its place in the sidebar needs."""

    saved_view_id: UUID
    list_name: str
    name: str
    filters: dict[str, str]
    sort: str | None
    columns: list[str] | None


class SavedViewRead(PinnedView):
    """A view, with what the account that asks has chosen of it."""

    is_shared: bool
    is_own: bool
    is_pinned: bool
    is_default: bool
    user_account_id: UUID
    created_at: datetime
    updated_at: datetime
    version: int


class SavedViewsRead(Answer):
    """The views that one may see, by their names: one's own and the shared ones."""

    views: list[SavedViewRead]
