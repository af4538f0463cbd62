"""
A list page, declared once: `ListPage` says what is asked, found, shown and filtered; `add_list` serves it and the
template `list.html` draws it.

The address holds codes and ids alone; what somebody typed is posted, so that no history and no log keeps it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import ImmutableMultiDict

from app.access.masking import class_of_order
from app.access.policy import masked_classes_of
from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.people.search.queries import SearchFound
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT, Found, Page, PageQuery
from app.platform.text import Answer, Body
from app.preferences.schemas import PreferencesUpdate
from app.preferences.service import change_preferences
from app.saved_views.queries import list_views
from app.saved_views.schemas import SavedViewRead
from app.web.addresses import address_of_view
from app.web.forms import Typed, read_query, typed_of
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to
from app.web.pickers import Picked, Picker, picked
from app.web.render import page
from app.web.words import words

NOTHING: SearchFound[Any] = SearchFound([], None, 0, total_is_capped=False)
"""What a list whose question was refused has found: nobody was looked for, and nobody is noted as shown."""
TYPED = ("q", "medical_license_number")
"""What somebody types: it is posted, and stands in no address."""
BY_PERSON = _("name, e-mail, phone, birth date or reference")
"""What a list of people is searched by."""
OF_A_VIEW = ("view", "show")
"""What an address has beside the question: the saved view by its id, or `none`, and the columns by their keys."""
NO_VIEW = "none"
_OF_THE_PAGE = {*TYPED, "limit", "cursor", "sort"}
_LONGEST = 2000


def typed_into_the_address(request: Request) -> list[FieldError]:
    """What is wrong with a search that stands in an address, where histories and logs keep it."""
    message = _("Type what you search for into the list's own field.")
    return [FieldError(name, "not_in_an_address", message) for name in TYPED if request.query_params.get(name)]


def value_at(row: Any, place: str) -> Any:
    """What stands at a place of an answer, such as `medical_condition.name`; None where there is nothing."""
    found = row
    for name in filter(None, place.split(".")):
        found = None if found is None else getattr(found, name)
    return found


@dataclass(frozen=True)
class Column:
    """
    A column by its key. `value` is where a row has what it shows, `cell` the macro `cell_…` that draws it.

    `sort` is the word by which the API orders the list as this column has it.

    The column with the highest `priority` is the first to leave where there is little room.
    """

    key: str
    label: str
    priority: int = 0
    value: str = ""
    cell: str = "text"
    sort: str = ""

    @property
    def macro(self) -> str:
        """The name of the macro that draws its cells."""
        return f"cell_{self.cell}"


@dataclass(frozen=True)
class Filter:
    """
    A field of the list's question with the values that the menu offers: (code, label). With a `picker` it offers a few
    of many, and the others are found by typing. `none` is the choice that the field is empty: another field of the
    question, its value, and the label.
    """

    name: str
    label: str
    choices: Sequence[tuple[str, str]]
    picker: str = ""
    none: tuple[str, str, str] | None = None

    def words_of(self, value: str) -> str:
        """The label of a value; one that is not offered shows as it is."""
        return dict(self.choices).get(value, value)


@dataclass(frozen=True)
class View:
    """
    A tab over the list: the filters that it stands for, or with `href` another page of the same records. `empty` says
    what it means that there is nothing in it.
    """

    label: str
    chosen: Mapping[str, str]
    href: str | None = None
    empty: str = ""


@dataclass(frozen=True)
class Change:
    """A record that was changed with others: from which version to which."""

    record_id: UUID
    since: int
    until: int


@dataclass(frozen=True)
class Failure:
    """A record that could not be changed with others, and why. Without an answer it is no longer there."""

    answer: Any
    why: str


@dataclass(frozen=True)
class Outcome:
    """What came of changing several records: a sentence, what can be undone, and what was left."""

    text: str
    done: Sequence[Change] = ()
    left: Sequence[Failure] = ()
    tone: str = "success"


@dataclass(frozen=True)
class Bulk:
    """
    How several records of a list are changed at once: `get`, `change` and `undo` are functions of its package, `update`
    the API's model, and `lock` locks them all. `owners_work` is what an owner's role allows, and `picker` offers those
    who may be one; `moves` are the states that need nothing further.
    """

    permission: str
    owners_work: str
    picker: str
    table: str
    get: Callable[..., Awaitable[Any]]
    lock: Callable[[AsyncSession, Collection[UUID]], Awaitable[Mapping[UUID, Any]]]
    update: type[Body]
    change: Callable[..., Awaitable[Any]]
    undo: Callable[..., Awaitable[Any]]
    moves: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Listing:
    """
    A page of a list as its template gets it.

    `chosen` are the filters by name that are set, `typed` what is searched for, `found` the page of answers, `beside`
    what is told of a row beside its answer, by the row's `key`. A row leads to the first address of `opens` whose ids
    it has. `may` is what the viewer may do.
    """

    path: str
    noun: tuple[str, str]
    columns: Sequence[Column]
    filters: Sequence[Filter]
    views: Sequence[View]
    chosen: Mapping[str, str]
    found: Page[Any]
    typed: str = ""
    cursor: str = ""
    beside: Mapping[Any, Any] = field(default_factory=dict)
    sort: str = ""
    usual_sort: str = ""
    title: str = ""
    order: str = ""
    empty: tuple[str, str, str] = ("", "", "")
    note: str = ""
    in_parts: bool = False
    key: str = ""
    opens: Sequence[str] = ()
    owners: Mapping[UUID, str] = field(default_factory=dict)
    me: UUID | None = None
    may: Mapping[str, bool] = field(default_factory=dict)
    searches: str = ""
    makes: str = ""
    offered: Sequence[tuple[str, str, bool]] = ()
    changes: bool = False
    picker: str = ""
    moves: Sequence[tuple[str, str]] = ()
    outcome: Outcome | None = None
    exports: bool = False
    is_exported: bool = False
    saved_name: str = ""
    saved: Sequence[SavedViewRead] = ()
    view_id: str = ""
    show: str = ""
    begins: Mapping[str, str] = field(default_factory=dict)
    csrf_token: str = ""

    def address(self, **changes: str | None) -> str:
        """The list's address with some filters changed; None takes one away."""
        asked = {name: value for name, value in {**self.asked(), **changes}.items() if value}
        return self._at(asked)

    def _at(self, asked: Mapping[str, str]) -> str:
        # Asked for nothing the list would begin with the view that is chosen for it, or with what it begins with.
        if not asked and (self.begins or any(view.is_default for view in self.saved)):
            asked = {"view": NO_VIEW}
        return f"{self.path}?{urlencode(asked)}" if asked else self.path

    @property
    def everything(self) -> str:
        """The address of the list without filters."""
        return self._at({})

    def address_of(self, view: View) -> str:
        """The address of a view."""
        return self._at(dict(view.chosen)) if view.href is None else view.href

    def address_of_saved(self, view: SavedViewRead) -> str:
        """The address of a saved view."""
        return address_of_view(self.path, view)

    def is_at(self, view: View) -> bool:
        """Whether the list shows just this view."""
        filters = {name: value for name, value in view.chosen.items() if name != "sort"}
        is_asked = not self.typed and self.view is None and filters == dict(self.chosen)
        return is_asked and view.href is None and view.chosen.get("sort", self.sort) == self.sort

    @property
    def shown_view(self) -> View | None:
        """The view that the list shows just now; None for a list without any filter, and where one chose more."""
        return next((view for view in self.views if view.chosen and self.is_at(view)), None)

    @property
    def view(self) -> SavedViewRead | None:
        """The saved view that is asked for, as far as it may be seen."""
        return next((view for view in self.saved if str(view.saved_view_id) == self.view_id), None)

    @property
    def is_changed(self) -> bool:
        """Whether the list is asked otherwise than its saved view says."""
        view = self.view
        kept = (dict(view.filters), view.sort or None, ",".join(view.columns or ())) if view else None
        return kept is not None and kept != (dict(self.chosen), self.asked_sort, self.show)

    @property
    def asked_sort(self) -> str | None:
        """The order that is asked for, None where it is the list's own."""
        return None if self.sort == self.usual_sort or self.typed else self.sort

    def asked(self) -> Mapping[str, str]:
        """What a form sends to ask for this list again."""
        more = {"sort": self.asked_sort, "view": self.view_id, "show": self.show}
        return {**self.chosen, **{name: value for name, value in more.items() if value}}

    def order_of(self, column: Column) -> str:
        """How the list is ordered as a column has it, as `aria-sort` says it; nothing where it is not."""
        if self.typed or not column.sort or self.sort.removeprefix("-") != column.sort:
            return ""
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_address(self, column: Column) -> str:
        """The address that orders the list as a column has it; where it is so already, the other way round."""
        word = f"-{column.sort}" if self.order_of(column) == "ascending" else column.sort
        return self.address(sort=None if word == self.usual_sort else word)

    def next_address(self) -> str:
        """The address of the page behind this one."""
        return self.address(cursor=self.found.next_cursor)

    def id_of(self, row: Any) -> Any:
        """The id of a row's record."""
        return getattr(row, self.key)

    @property
    def all_fitting(self) -> int:
        """How many fit, where not all of them are shown and all can be changed at once; else 0."""
        found = self.found
        is_more = found.next_cursor is not None or bool(self.cursor)
        return found.total if is_more and not found.total_is_capped and found.total <= MAX_LIMIT else 0

    def value_of(self, row: Any, column: Column) -> Any:
        """What a row has in a column; None where it has nothing there."""
        if column.value.startswith("beside."):
            return value_at(self.beside.get(self.id_of(row)), column.value.removeprefix("beside."))
        return value_at(row, column.value)

    def href(self, row: Any) -> str:
        """The page that a row opens."""
        for address in self.opens:
            name = address.partition("{")[2].rstrip("}")
            if getattr(row, name) is not None:
                return address.replace(f"{{{name}}}", str(getattr(row, name)))
        return self.path


@dataclass(frozen=True)
class Seen:
    """What a list's filters are made for: who looks, what they chose, and what was found."""

    actor: Actor
    typed: Typed
    rows: Sequence[Any]
    owners: Mapping[UUID, str]
    masked: Collection[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    owner_picker: str = ""

    def owner(self) -> Filter:
        """The one who looks and the owners of the rows that are shown; any other is found by typing."""
        others = {str(key): name for key, name in self.owners.items() if key != self.actor.account_id}
        by_name = sorted(others.items(), key=lambda one: one[1].casefold())
        me = [(str(self.actor.account_id), _("Me"))] if self.owner_picker else []
        return Filter("owner_id", _("Owner"), [*me, *by_name], self.owner_picker, ("owner", "nobody", _("Nobody")))

    def mine(self, **more: str) -> Mapping[str, str]:
        """The filters for what is one's own."""
        return {"owner_id": str(self.actor.account_id), **more}

    def there(self, name: str, label: str) -> Filter:
        """The values that the rows have in a field, and the one that is chosen."""
        values = {getattr(row, name, None) for row in self.rows} | {self.typed.get(name)}
        return Filter(name, label, [(code, words(code)) for code in sorted(map(str, filter(None, values)))])

    def named(self, name: str, label: str, at: str) -> Filter:
        """The things that the rows have at `at`, by the key `name` with their names, and the one that is chosen."""
        things = {str(getattr(thing, name)): thing.name for row in self.rows if (thing := value_at(row, at))}
        found = {**things, **{key: text for key, text in self.labels.items() if key == self.typed.get(name)}}
        return Filter(name, label, sorted(found.items(), key=lambda one: one[1].lower()))


Finder = Callable[..., Awaitable[Found[Any]]]
"""A query of a package: `(session, actor, *, query)`."""


@dataclass(frozen=True)
class ListPage:
    """
    A list as it is declared. `question` is the API's filter, `find` the API's query, `answer` the model of an answer,
    `read` what makes it of a row where the model alone does not.

    `searches` says by what the list is searched; where that is people, `search_right` is who may. `makes` is
    the permission to add a record, by the page at `…/new` or at `makes_at`. `begins` is what is
    asked for this actor where an address asks nothing. `may` are the
    permissions that its cells ask for. `beside` finds what is told of the rows beside their answers, by their `key`, in
    answers of `beside_of`. `note` stands above the rows. `in_parts`: the query looks through a part of the table at a
    time, and a part may have no row. `sorted_with` are the filters beside which every order is there, None for any.
    `labels` finds what the menus say for ids that were chosen, and `owner_picker` the owners by whom it is filtered.
    """

    path: str
    title: str
    permission: str
    noun: tuple[str, str]
    order: str
    sort: str
    question: type[PageQuery]
    find: Finder
    answer: type[Answer]
    key: str
    columns: Sequence[Column]
    opens: Sequence[str]
    empty: tuple[str, str, str]
    filters: Callable[[Seen], Sequence[Filter]] = lambda _seen: ()
    views: Callable[[Seen], Sequence[View]] = lambda _seen: ()
    read: Callable[[Any], Answer] | None = None
    beside: Callable[[AsyncSession, Sequence[Any]], Awaitable[Mapping[Any, Any]]] | None = None
    beside_of: type[Answer] | None = None
    bulk: Bulk | None = None
    searches: str = ""
    search_right: str | None = None
    makes: str | None = None
    makes_at: str = ""
    begins: Callable[[Actor], Mapping[str, str]] = lambda _actor: {}
    may: Sequence[str] = ()
    note: str = ""
    in_parts: bool = False
    sorted_with: Sequence[str] | None = None
    labels: Callable[[AsyncSession, Typed], Awaitable[Mapping[str, str]]] | None = None
    owner_picker: Picker | None = None

    def has_one_order(self, typed: Typed) -> bool:
        """Whether with the filters that are chosen the list has its usual order alone."""
        if self.sorted_with is None:
            return False
        free = {*_OF_THE_PAGE, *self.sorted_with}
        return any(typed.get(name) for name in self.question.model_fields if name not in free)

    def answer_of(self, row: Any) -> Answer:
        """A row as the API answers it."""
        return self.answer.model_validate(row) if self.read is None else self.read(row)

    @property
    def name(self) -> str:
        """The list's word in the names of its routes, which are the actions of audit events."""
        return self.path.removeprefix("/").replace("-", "_")

    @property
    def saved_name(self) -> str:
        """The list's word in saved views."""
        return self.path.removeprefix("/")

    @property
    def record(self) -> str:
        """The word of one of its records in the actions of audit events."""
        return self.noun[0].replace(" ", "_")


LISTS: dict[str, ListPage] = {}
"""Every list page by its address."""
EXPORTED: set[str] = set()
"""The paths of the lists that are served as files too."""


def add_list(router: APIRouter, shown: ListPage) -> None:
    """Serve a list: by its address, and by what was typed."""
    LISTS[shown.path] = shown

    @router.get(shown.path, name=f"show_{shown.name}", dependencies=[allow(shown.permission)])
    async def show(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        typed = {**asked_of_list(shown, request.query_params), **dict.fromkeys(TYPED, "")}
        saved = await saved_of(session, actor, shown)
        if not request.query_params:
            typed = _beginning(request, actor, shown, saved, typed)
        query = question_of(request, shown, typed, wrong=typed_into_the_address(request))
        found = await shown.find(session, actor, query=query)
        context = await list_context(request, session, actor, shown, found, typed, saved=saved)
        return page(request, "list.html", context)

    @router.post(
        f"{shown.path}/columns", name=f"choose_columns_of_{shown.name}", dependencies=[allow("preferences.own")]
    )
    async def choose_columns(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """Which columns of the list one sees from now on; those of a saved view in this address alone."""
        form = await request.form()
        typed = asked_of_list(shown, form)
        wanted = {str(key) for key in form.getlist("column")}
        if typed["view"] not in ("", NO_VIEW):
            typed["show"] = ",".join(column.key for column in shown.columns[1:] if column.key in wanted)
        else:
            others = [name for name in request.state.frame.hidden_columns if not name.startswith(f"{shown.name}.")]
            hidden = [f"{shown.name}.{column.key}" for column in shown.columns[1:] if column.key not in wanted]
            change = PreferencesUpdate(hidden_columns=[*others, *hidden])
            await change_preferences(session, request.app.state.settings, actor, change=change)
        asked = {name: str(value) for name, value in typed.items() if value and name not in (*TYPED, "limit", "cursor")}
        return go_to(request, f"{shown.path}?{urlencode(asked)}" if asked else shown.path)

    if shown.owner_picker is not None:
        _add_owner_filter(router, shown, shown.owner_picker)
    if not shown.searches:
        return

    @router.post(shown.path, name=f"search_{shown.name}", dependencies=[allow(shown.permission)])
    async def search(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """The list for what was typed: posted, so that no history and no log keeps it."""
        typed = asked_of_list(shown, await request.form())
        try:
            query = question_of(request, shown, typed)
            found = await shown.find(session, actor, query=query)
        except Invalid as error:
            nothing = await list_context(request, session, actor, shown, NOTHING, {"q": typed["q"]})
            return form_again(request, "list.html", {**nothing, "is_refused": True}, error)
        return page(request, "list.html", await list_context(request, session, actor, shown, found, typed))


def _add_owner_filter(router: APIRouter, shown: ListPage, picker: Picker) -> None:
    @router.post(f"{shown.path}/owner", name=f"choose_owner_of_{shown.name}", dependencies=[allow(shown.permission)])
    async def choose_owner(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """The list of whose owner was found by typing; the name is in no address."""
        form = await request.form()
        typed = {**asked_of_list(shown, form), **dict.fromkeys(TYPED, ""), "limit": "", "cursor": ""}
        found, wrong = await picked(request, session, actor, picker, "owner_id")
        typed["owner_id"] = found.value
        try:
            if wrong:
                raise Invalid(fields=wrong)
            question_of(request, shown, typed)
        except Invalid as error:
            nothing = await list_context(request, session, actor, shown, NOTHING, {**typed, "owner_id": ""})
            return form_again(request, "list.html", {**nothing, "is_refused": True, "owner": found}, error)
        asked = {name: str(value) for name, value in typed.items() if value}
        return go_to(request, f"{shown.path}?{urlencode(asked)}" if asked else shown.path)


def asked_of_list(shown: ListPage, given: ImmutableMultiDict[str, Any]) -> Typed:
    """What an address or a form asks a list: its question, the saved view and the columns."""
    beside = {name: str(given.get(name) or "")[:_LONGEST] for name in OF_A_VIEW}
    typed = typed_of(given, shown.question) | beside
    # A filter that is added to a list in another order takes that order away, and so does a search for people.
    looks_for_people = bool(typed.get("q")) and shown.search_right is not None
    is_ordered = looks_for_people or shown.has_one_order(typed)
    return {**typed, "sort": ""} if typed.get("sort") and is_ordered else typed


def question_of(request: Request, shown: ListPage, typed: Typed, *, wrong: Sequence[FieldError] = ()) -> PageQuery:
    """The question that a list is asked."""
    asked = {name: value for name, value in typed.items() if name in shown.question.model_fields}
    return read_query(request, shown.question, asked, beside=OF_A_VIEW, zone=request.state.frame.zone, wrong=wrong)


async def saved_of(session: AsyncSession, actor: Actor, shown: ListPage) -> list[SavedViewRead]:
    """The saved views of a list that one may see."""
    return await list_views(session, actor, list_name=shown.saved_name) if actor.may("view.own") else []


def _beginning(request: Request, actor: Actor, shown: ListPage, saved: Sequence[SavedViewRead], typed: Typed) -> Typed:
    """What a list begins with: the saved view that is chosen for it, as long as it can be asked."""
    view = next((view for view in saved if view.is_default), None)
    if view is None:
        return {**typed, **shown.begins(actor)}
    chosen = {"sort": view.sort or "", "view": str(view.saved_view_id), "show": ",".join(view.columns or ())}
    begun = {**typed, **view.filters, **chosen}
    try:
        question_of(request, shown, begun)
    except AppError:
        # What was chosen then may not be asked now: the list is shown, and not a refusal at each visit.
        return typed
    return begun


def seen_columns(request: Request, shown: ListPage, show: str = "") -> list[Column]:
    """
    The columns that the address names, else those that the account has not hidden.

    The first one, which names the row, is always there.
    """
    if show:
        wanted = show.split(",")
        return [column for place, column in enumerate(shown.columns) if place == 0 or column.key in wanted]
    hidden = request.state.frame.hidden_columns
    return [
        column for place, column in enumerate(shown.columns) if place == 0 or f"{shown.name}.{column.key}" not in hidden
    ]


def _offered(shown: ListPage, columns: Sequence[Column]) -> list[tuple[str, str, bool]]:
    """The columns that can be hidden: key, label, and whether it is seen."""
    seen = {column.key for column in columns}
    return [(column.key, column.label, column.key in seen) for column in shown.columns[1:]]


def _sortable(column: Column, shown: ListPage, actor: Actor, typed: Typed) -> Column:
    """The column, without its order where the list has one alone, and for those who see masked what it orders by."""
    masked = masked_classes_of(actor.roles, shown.permission)
    is_usual = column.sort == shown.sort.removeprefix("-")
    if class_of_order(shown.question, column.sort) in masked or (shown.has_one_order(typed) and not is_usual):
        return replace(column, sort="")
    return column


async def list_context(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    shown: ListPage,
    found: Found[Any],
    typed: Typed,
    outcome: Outcome | None = None,
    *,
    saved: Sequence[SavedViewRead] | None = None,
) -> dict[str, Any]:
    """What `list.html` gets of a page of a list."""
    items = audit.show_page(session, found, map(shown.answer_of, found.rows))
    chosen = {
        name: str(typed[name]) for name in shown.question.model_fields if name not in _OF_THE_PAGE and typed.get(name)
    }
    owned = [row.owner_id for row in found.rows if hasattr(row, "owner_id")]
    chosen_owner = UUID(chosen["owner_id"]) if "owner_id" in chosen else None
    bulk = shown.bulk if shown.bulk is not None and actor.may(shown.bulk.permission) else None
    names = await account_names(session, [*owned, chosen_owner])
    labels = {} if shown.labels is None else await shown.labels(session, typed)
    seen = Seen(actor, typed, found.rows, names, masked_classes_of(actor.roles, shown.permission), labels)
    if shown.owner_picker is not None and actor.may(shown.owner_picker.permission):
        seen = replace(seen, owner_picker=shown.owner_picker.name)
    beside = {} if shown.beside is None else await shown.beside(session, found.rows)
    columns = seen_columns(request, shown, typed.get("show") or "")
    listing = Listing(
        path=shown.path,
        noun=shown.noun,
        columns=[_sortable(column, shown, actor, typed) for column in columns],
        offered=_offered(shown, columns),
        filters=shown.filters(seen),
        views=shown.views(seen),
        chosen=chosen,
        found=items,
        typed=typed.get("q") or "",
        cursor=typed.get("cursor") or "",
        beside=beside,
        sort=typed.get("sort") or shown.sort,
        usual_sort=shown.sort,
        title=shown.title,
        order=shown.order,
        empty=shown.empty,
        note=shown.note,
        in_parts=shown.in_parts,
        key=shown.key,
        opens=shown.opens,
        owners=seen.owners,
        me=actor.account_id,
        may={code: actor.may(code) for code in (*shown.may, "view.share")},
        searches=shown.searches if shown.search_right is None or actor.may(shown.search_right) else "",
        makes=(shown.makes_at or f"{shown.path}/new") if shown.makes is not None and actor.may(shown.makes) else "",
        changes=bulk is not None,
        picker="" if bulk is None else bulk.picker,
        moves=() if bulk is None else bulk.moves,
        outcome=outcome,
        exports=shown.path in EXPORTED and actor.may("list.export"),
        is_exported=shown.path in EXPORTED,
        saved_name=shown.saved_name if actor.may("view.own") else "",
        saved=await saved_of(session, actor, shown) if saved is None else saved,
        view_id=typed.get("view") or "",
        show=typed.get("show") or "",
        begins=shown.begins(actor),
        csrf_token=request.state.frame.csrf_token,
    )
    return {**NO_ERRORS, "is_refused": False, "owner": Picked(), "listing": listing}
