"""What docs/REFERENCE.md prints: every command with its options, every code of an error."""

import ast
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

import app
from app import cli
from app.platform.errors import AppError
from app.platform.problems import STATUS_OF_KIND
from tests.printed import ROOT

OF_ROUTING = {
    "bad_request": (400, "The request could not be read."),
    "method_not_allowed": (405, "This address does not take that method."),
    "http_error": (0, "Another error of the protocol; its status says which."),
    "internal_error": (500, "Something went wrong on our side. It is on record."),
}
"""Codes that `app/platform/problems.py` answers with itself."""
FROM_ELSEWHERE = {
    "app/platform/paging.py": {"invalid_cursor", "cursor_mismatch"},
}
"""Calls whose code is a variable, and which codes it has."""


def commands_table() -> str:
    rows = [
        f"| `{path}` | {_cell(str(command.help or '').partition(chr(12))[0])} | {_options(command)} |"
        for path, command in commands()
    ]
    return "| command | does | options |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, with how it is called."""
    top = get_command(cli.cli)
    yield from _under(top, "crm", top.make_context("crm", [], resilient_parsing=True))


def _under(command: Any, path: str, context: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        arguments = [
            one.name.upper() if one.required else f"[{one.name.upper()}]"
            for one in command.params
            if one.param_type_name == "argument"
        ]
        yield " ".join([path, *arguments]), command
        return
    for name in command.list_commands(context):
        yield from _under(command.get_command(context, name), f"{path} {name}", context)


def _options(command: Any) -> str:
    return "<br>".join(
        f"`{'`, `'.join((*one.opts, *one.secondary_opts))}`: {_cell(one.help or '')}".rstrip(": ")
        for one in command.params
        if one.param_type_name == "option"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def codes_table() -> str:
    rows = [
        f"| `{code}` | {', '.join(map(str, sorted(statuses - {0}))) or 'any'} | {_said(said)} |"
        for code, (statuses, said) in sorted(codes().items())
    ]
    return "| code | status | says |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def codes() -> dict[str, tuple[set[int], set[str]]]:
    """Each code with its statuses and sentences: those of the classes, and those given where an error is raised."""
    found: dict[str, tuple[set[int], set[str]]] = defaultdict(lambda: (set(), set()))
    for code, (status, says) in OF_ROUTING.items():
        _add(found, code, status, says)
    kinds = {kind.__name__: kind for kind in _kinds()}
    for kind in kinds.values():
        if kind is not AppError:
            _add(found, kind.code, _status(kind), str(kind.detail))
    for name, call in _calls():
        given = next((one.value for one in call.keywords if one.arg == "code"), None)
        if name in kinds and isinstance(given, ast.Constant):
            said = _sentence(call.args[0]) if call.args else str(kinds[name].detail)
            _add(found, str(given.value), _status(kinds[name]), said)
    return found


def field_codes_table() -> str:
    rows = [f"| `{code}` | {_said(said)} |" for code, said in sorted(field_codes().items())]
    return "| code | says |\n|---|---|\n" + "\n".join(rows) + "\n"


def field_codes() -> dict[str, set[str]]:
    """Each code of a field with its sentences."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, call in _calls():
        place = {"FieldError": 1, "invalid_field": 1, "PydanticCustomError": 0}.get(name)
        if place is None or len(call.args) < place + 2:
            continue
        code, says = call.args[place], call.args[place + 1]
        if isinstance(code, ast.Constant):
            found[str(code.value)].add(_sentence(says))
    for name in (name for of_module in FROM_ELSEWHERE.values() for name in of_module):
        found[name].add("")
    of_requests = codes()
    return {
        name: {one for one in said if one} or of_requests.get(name, (set(), set[str]()))[1]
        for name, said in found.items()
    }


def unread_codes() -> set[str]:
    """Modules where an error is raised with a code that stands nowhere as a word."""
    kinds = {kind.__name__ for kind in _kinds()}
    return {
        call_path
        for call_path, name, call in _placed_calls()
        if name in kinds and any(one.arg == "code" and not isinstance(one.value, ast.Constant) for one in call.keywords)
    } - FROM_ELSEWHERE.keys()


def _said(sentences: set[str]) -> str:
    return "<br>".join(sorted(filter(None, sentences))) or "a sentence that depends on the case"


def _add(found: dict[str, tuple[set[int], set[str]]], code: str, status: int, says: str) -> None:
    statuses, said = found[code]
    statuses.add(status)
    said.add(_cell(says))


def _status(kind: type[AppError]) -> int:
    return next((STATUS_OF_KIND[one] for one in kind.__mro__ if one in STATUS_OF_KIND), 0)


def _kinds() -> Iterator[type[AppError]]:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.startswith("app.revisions."):
            importlib.import_module(module.name)
    waiting: list[type[AppError]] = [AppError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("app."):
            yield kind


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for _path, name, call in _placed_calls():
        yield name, call


def _placed_calls() -> Iterator[tuple[str, str, ast.Call]]:
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield str(path.relative_to(ROOT)), ast.unparse(node.func).rpartition(".")[2], node


def _sentence(node: ast.expr) -> str:
    """The text of an expression as the source has it; what is filled in stands in braces."""
    match node:
        case ast.Constant(value=str(text)):
            return _cell(text)
        case ast.JoinedStr(values=parts):
            return _cell("".join(_sentence(part) if isinstance(part, ast.Constant) else "{…}" for part in parts))
        case ast.Call(args=[first, *_]) if ast.unparse(node.func).rpartition(".")[2] in {"_", "ngettext"}:
            return _sentence(first)
        case ast.BinOp(left=left):
            return _sentence(left)
    return ""
