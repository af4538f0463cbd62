"""The policy as Markdown: docs/PERMISSIONS.md is printed from it."""

from collections.abc import Iterable

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.access.masking import class_of, models_in
from app.access.policy import FIELD_CLASSES, GRANTS, PERMISSIONS, ROLE_DESCRIPTIONS, SIGHT, SIGHT_BY_PERMISSION, Role


def roles_table() -> str:
    lines = ["| role | who |", "|---|---|"]
    lines += [f"| {role.value} | {ROLE_DESCRIPTIONS[role]} |" for role in Role]
    return "\n".join(lines) + "\n"


def sight_table() -> str:
    lines = ["| class | " + " | ".join(Role) + " |", "|---" + "|:-:" * len(Role) + "|"]
    lines += [f"| {name} | " + " | ".join(SIGHT[role][name] for role in Role) + " |" for name in FIELD_CLASSES]
    return "\n".join(lines) + "\n"


def sight_by_permission_table() -> str:
    names = [name for name in FIELD_CLASSES if name in {"personal", "health"}]
    lines = ["| role | permission | " + " | ".join(names) + " |", "|---|---" + "|:-:" * len(names) + "|"]
    for (role, permission), sight in sorted(SIGHT_BY_PERMISSION.items()):
        lines.append(f"| {role.value} | `{permission}` | " + " | ".join(sight[name] for name in names) + " |")
    return "\n".join(lines) + "\n"


def permissions_table() -> str:
    lines = ["| permission | what it allows | " + " | ".join(Role) + " |", "|---|---" + "|:-:" * len(Role) + "|"]
    for code, permission in PERMISSIONS.items():
        marks = " | ".join("yes" if code in GRANTS[role] else "" for role in Role)
        lines.append(f"| `{code}` | {permission.description} | {marks} |")
    return "\n".join(lines) + "\n"


def fields_table(answers: Iterable[object]) -> str:
    """Every answer about people, with those it holds: its fields by what they are to a reader."""
    models: dict[str, type[BaseModel]] = {}
    for answer in answers:
        _collect(answer, models)
    lines = ["| answer | " + " | ".join(_KINDS) + " |", "|---" * (len(_KINDS) + 1) + "|"]
    for name, model in sorted(models.items()):
        by_kind: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for field, info in model.model_fields.items():
            by_kind[_kind(info)].append(f"`{field}`")
        if any(by_kind[kind] for kind in _KINDS if kind != _OPEN):
            lines.append(f"| {name} | " + " | ".join(" ".join(by_kind[kind]) for kind in _KINDS) + " |")
    return "\n".join(lines) + "\n"


_OPEN = "open to all who may read it"
_KINDS = ("case detail", "remark", "health", "personal", _OPEN)


def _kind(info: FieldInfo) -> str:
    shown = class_of(info)
    if shown is None:
        return _OPEN
    if shown.detail:
        return "case detail" if shown.closes_record else "remark"
    return shown.privacy


def _collect(annotation: object, models: dict[str, type[BaseModel]]) -> None:
    for model in models_in(annotation):
        name = model.__name__
        is_new = name not in models
        if is_new and "[" not in name and model is not BaseModel:
            models[name] = model
        if is_new:
            for info in model.model_fields.values():
                _collect(info.annotation, models)
