"""
Collect the sentences of the application and bring the catalogues up to date with them.

    python -m tools.messages

`app/locale/messages.pot` holds every sentence, `app/locale/<language>/LC_MESSAGES/messages.po` its translations.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po
from sqlalchemy import CheckConstraint

from app.access.request_guard import GuardedRoute
from app.access.serving import kind_of_record
from app.calls.states import OUTCOMES
from app.main import create_app
from app.models import metadata
from app.people.matching import FurtherReason
from app.people.models import CONTACT_TYPES
from app.people.names import Doubt
from app.people.rules import Reason
from app.platform.db import edited_tables
from app.platform.locales import FOLDER
from app.platform.settings import Settings
from app.preferences.words import LANGUAGES
from app.web.page_guard import PageRoute
from app.web.words import SPELLINGS, words

ROOT = Path(__file__).parents[1]
METHODS = [
    ("app/web/static/vendor/**", "ignore"),
    ("app/revisions/**", "ignore"),
    ("app/web/templates/gallery/**", "ignore"),
    ("app/**.py", "python"),
    ("app/**.html", "jinja2"),
    ("app/web/static/js/**.js", "javascript"),
]
OPTIONS: dict[str, dict[str, Any]] = {"app/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
KEYWORDS = DEFAULT_KEYWORDS | {"FieldError": (3,), "PydanticCustomError": (2,), "fault": (3,), "Permission": (2,)}
"""What is wrong with a field is English until a form shows it (app/web/forms.py), and needs no mark of its own."""
_MADE = datetime(2026, 11, 28, tzinfo=UTC)


def collected() -> Catalog:
    """Every sentence, in the order of the files that say it."""
    catalog = Catalog(
        project="myTomorrows CRM", header_comment="# Made by `make messages`.", creation_date=_MADE, charset="utf-8"
    )
    catalog.fuzzy = False
    for path, _line, message, comments, context in extract_from_dir(
        ROOT, METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",), directory_filter=_is_read
    ):
        catalog.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    for code in sorted(_codes()):
        catalog.add(str(words(code)), None, [("app/web/words.py", 0)])
    return catalog


_OF_THE_PROGRAM = {*OUTCOMES, *Reason, *FurtherReason, *Doubt, *CONTACT_TYPES}
"""How calls end, why two may be one human, and roles: texts to the database and the API."""
_CODE = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


def _codes() -> set[str]:
    """
    The codes that pages show in words: those that the database allows, those that the API names, the names of fields,
    which histories and suggestions show, the kinds of record that the trail names, and those that only the program
    knows.
    """
    app = create_app(Settings())
    checks = (
        one for table in metadata.tables.values() for one in table.constraints if isinstance(one, CheckConstraint)
    )
    allowed = {code for check in checks for code in re.findall(r"'([^']*)'", str(check.sqltext))}
    named = set(_enumerated(app.openapi()))
    fields = {
        column.key
        for table in edited_tables()
        for column in table.columns
        if not column.primary_key and column.info["privacy"] != "secret"
    }
    routes = [route for route in app.routes if isinstance(route, (GuardedRoute, PageRoute))]
    kinds = {*metadata.tables, *(kind_of_record(route.path) for route in routes)}
    never = {*LANGUAGES, "true", "false"}
    return {
        code
        for code in (allowed | named | fields | kinds | _OF_THE_PROGRAM | SPELLINGS.keys()) - never
        if _CODE.fullmatch(code)
    }


def _enumerated(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (value for value in schema.get("enum", ()) if isinstance(value, str))
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _enumerated(part)


def _is_read(folder: str) -> bool:
    name = Path(folder).name
    return (
        Path(folder) == ROOT
        or name == "app"
        or (ROOT / "app" in Path(folder).parents and name not in {"vendor", "revisions", "gallery"})
    )


def written(catalog: Catalog) -> bytes:
    """A catalogue as its file has it: without the numbers of lines, which every change of a file would change."""
    file = BytesIO()
    write_po(file, catalog, width=120, include_lineno=False, ignore_obsolete=True, sort_by_file=True)
    return file.getvalue()


def updated(language: str, template: Catalog) -> Catalog:
    """The catalogue of a language with the sentences of today; what is gone is left out."""
    path = path_of(language)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    else:
        catalog = Catalog(locale=language, project=template.project, creation_date=_MADE, charset="utf-8")
    catalog.update(template, no_fuzzy_matching=True)
    catalog.fuzzy, catalog.revision_date, catalog.creation_date = False, _MADE, _MADE
    return catalog


def path_of(language: str) -> Path:
    """Where the translations into a language are."""
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


def catalogues() -> Iterator[tuple[Path, bytes]]:
    """Each file with what it holds when it is up to date."""
    template = collected()
    yield FOLDER / "messages.pot", written(template)
    for language in LANGUAGES:
        if language != "en":
            yield path_of(language), written(updated(language, template))


def main() -> int:
    for path, content in catalogues():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
