"""What the documents say of the code stays true."""

import re

from app.access.policy import PERMISSIONS
from app.access.report import fields_table, permissions_table, roles_table, sight_by_permission_table, sight_table
from app.platform import erd
from tests import reference
from tests.canaries import guarded_routes
from tests.printed import ROOT, assert_printed

MARKDOWN_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
SETTING = re.compile(r'"(CRM_[A-Z_]+|PORT)"')
ENDING = re.compile(r"`tests/|checked as a file, never applied: `tests/|not applicable: \w")


def test_permissions_page_shows_the_policy() -> None:
    assert_printed("docs/PERMISSIONS.md", "roles", roles_table())
    assert_printed("docs/PERMISSIONS.md", "sight", sight_table())
    assert_printed("docs/PERMISSIONS.md", "sight_by_permission", sight_by_permission_table())
    assert_printed("docs/PERMISSIONS.md", "permissions", permissions_table())
    answers = [route.response_model for route in guarded_routes() if PERMISSIONS[route.permission].personal]
    assert_printed("docs/PERMISSIONS.md", "fields", fields_table(answers))


def test_erd_page_shows_the_tables() -> None:
    import app.models  # noqa: F401, PLC0415 - the metadata is whole once it is imported

    assert_printed("docs/ERD_DESIGN.md", "diagram", erd.diagram())
    assert_printed("docs/ERD_DESIGN.md", "tables", erd.tables())


def test_reference_page_shows_every_command_and_every_code() -> None:
    assert_printed("docs/REFERENCE.md", "commands", reference.commands_table())
    assert_printed("docs/REFERENCE.md", "codes", reference.codes_table())
    assert_printed("docs/REFERENCE.md", "field_codes", reference.field_codes_table())
    assert reference.unread_codes() == set(), "give the code where the error is raised, or name it in FROM_ELSEWHERE"


def test_every_setting_is_explained() -> None:
    known = set(SETTING.findall((ROOT / "app" / "platform" / "settings.py").read_text(encoding="utf-8")))
    page = (ROOT / "docs" / "QUICKSTART.md").read_text(encoding="utf-8")
    table = page.partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert len(known) > 50
    assert sorted(name for name in known if f"`{name}`" not in table) == []


def test_links_between_documents_lead_somewhere() -> None:
    pages = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    links = [(page, link) for page in pages for link in MARKDOWN_LINK.findall(page.read_text(encoding="utf-8"))]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_tests_that_the_security_page_names_are_there() -> None:
    named = NAMED_TEST.findall((ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 25
    assert _gone(named) == []


def test_every_requirement_has_one_of_three_endings() -> None:
    lines = (ROOT / "ASSIGNMENT_REVIEW.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    endings = [row[2] for row in rows if row[0] != "requirement"]
    assert len(endings) > 35
    assert [ending for ending in endings if not ENDING.match(ending)] == []
    assert _gone(NAMED_TEST.findall("\n".join(endings))) == []


def _gone(named: list[tuple[str, str]]) -> list[str]:
    return [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or (name and f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8"))
    ]


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    titles = [path.read_text(encoding="utf-8")[2:6] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert sorted(numbers) == sorted(titles) == [f"{number:04}" for number in range(1, len(numbers) + 1)]
