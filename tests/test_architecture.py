"""What the code promises about its own shape stays true."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from app.access.policy import GRANTS, PERMISSIONS
from app.access.request_guard import GuardedRoute, api_router, mount
from app.main import create_app
from app.models import metadata
from app.platform.db import Base, tables_that_say
from app.platform.errors import AppError
from app.platform.problems import STATUS_OF_KIND
from app.platform.settings import Settings
from app.web.page_guard import PageRoute

ROOT = Path(__file__).parent.parent
PUBLIC = {"/health", "/health/live", "/health/ready"}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


def test_every_api_route_is_guarded_and_the_rest_is_named_here(app: FastAPI) -> None:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/api/"):
            assert isinstance(route, GuardedRoute), route.path
            assert route.permission in PERMISSIONS


def test_a_relationship_over_a_column_of_several_keys_names_its_own() -> None:
    """Else every key of the column is read, and the tables that they name may not be loaded yet."""
    unnamed = {
        str(relationship)
        for mapper in Base.registry.mappers
        for relationship in mapper.relationships
        if any(len(column.foreign_keys) > 1 for column in relationship.local_columns)
        and not relationship._user_defined_foreign_keys
    }
    assert unnamed == set()


def test_a_route_without_a_permission_does_not_start(app: FastAPI) -> None:
    router = api_router("/nothing", "nothing")
    with pytest.raises(TypeError, match="exactly one permission"):
        router.get("")(lambda: None)
    with pytest.raises(TypeError, match="no permission"):
        mount(app, FastAPI().router)


def test_grants_name_known_permissions_and_each_permission_is_granted() -> None:
    granted = frozenset().union(*GRANTS.values())
    assert granted == set(PERMISSIONS)


def test_each_permission_opens_a_route_or_a_page_or_is_asked_for(app: FastAPI) -> None:
    used = {route.permission for route in app.routes if isinstance(route, GuardedRoute)}
    used |= {route.needs.permission or "" for route in app.routes if isinstance(route, PageRoute)}
    asked = re.compile(r"""\b(?:may|require)\(\s*"([a-z_.]+)"\s*\)""")
    for path in (ROOT / "app").rglob("*.py"):
        used |= set(asked.findall(path.read_text(encoding="utf-8")))
    assert set(PERMISSIONS) - used == set()


def test_a_code_of_an_error_has_one_status(app: FastAPI) -> None:
    assert app.routes, "every module that has errors is imported"
    statuses: dict[str, set[int]] = {}
    kinds = [AppError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind is not AppError:
            statuses.setdefault(kind.code, set()).add(
                next(STATUS_OF_KIND[base] for base in kind.__mro__ if base in STATUS_OF_KIND)
            )
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_no_service_has_a_way_of_its_own_from_fields_to_columns() -> None:
    # StoredFields finds a field that has no column when the program starts; a loop over names finds nothing.
    found = []
    for path in sorted((ROOT / "app").rglob("service.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            to_json = any(keyword.arg == "mode" for keyword in node.keywords)
            if name == "setattr" or (name == "model_dump" and not to_json):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_every_column_has_a_privacy_class() -> None:
    known = {"public", "internal", "personal", "health", "secret"}
    missing = [f"{t.name}.{c.name}" for t in metadata.sorted_tables for c in t.c if c.info.get("privacy") not in known]
    assert missing == []


def test_nothing_is_made_at_import() -> None:
    # Importing the application in a process of its own touches no database, file or network. A process that only
    # starts those that serve, and one that works on what is due, do not hold the application at all.
    modules = ", ".join(f"app.commands.{name}" for name in ("demo", "db", "api_keys", "users", "legacy"))
    code = "import app.commands.serve, sys; assert 'app.main' not in sys.modules, 'crm serve holds the application'; "
    code += f"import app.main, app.cli, {modules}; sys.exit(0)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_package_imports_the_routes_of_another() -> None:
    # What an answer holds stands in answers.py, so that routes are needed by nobody but who mounts them.
    found = set()
    for file in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            modules = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            if any(re.search(r"\.(api|review_api)$", module) for module in modules):
                found.add(file.relative_to(ROOT).as_posix())
    assert found == {"app/main.py"}


def test_every_router_is_mounted(app: FastAPI) -> None:
    mounted = {route.name for route in app.routes if isinstance(route, (GuardedRoute, PageRoute))}
    forgotten = {
        f"{path.relative_to(ROOT)}: {route.name}"
        for path in (ROOT / "app").rglob("*.py")
        if "router(" in path.read_text(encoding="utf-8") and "revisions" not in path.parts
        for router in vars(import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))).values()
        if isinstance(router, APIRouter)
        for route in router.routes
        if isinstance(route, (GuardedRoute, PageRoute)) and route.name not in mounted
    }
    assert forgotten == set(), "name its router in app/main.py, or in app/web/screens.py"


def test_tables_of_packages_to_the_left_are_asked_for_in_one_way() -> None:
    by_hand = re.compile(r"""(?<![.\w])table\(\s*"|metadata\.tables\.values""")
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "app").rglob("*.py"))
        if not {"platform", "revisions", "legacy"} & set(path.parts)
        and by_hand.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    with pytest.raises(LookupError, match="no table says nonsense"):
        tables_that_say("nonsense")


def test_advisory_locks_are_named_in_one_module() -> None:
    # A key beside the others is seen to differ from them. Code of other modules takes it by its name.
    for file in (ROOT / "app").rglob("*.py"):
        if "revisions" not in file.parts and file.name != "advisory_locks.py":
            written = re.findall(r"advisory\w*lock\w*\((?:\d|'|hashtext)", file.read_text())
            assert written == [], file.relative_to(ROOT)


def test_locks_name_no_host() -> None:
    for lock in (ROOT / "requirements.txt", *(ROOT / "requirements").glob("*.txt")):
        assert "://" not in lock.read_text(), lock.name


def test_operation_ids_are_unique(app: FastAPI) -> None:
    ids = [o["operationId"] for path in app.openapi()["paths"].values() for o in path.values()]
    assert len(ids) == len(set(ids))
