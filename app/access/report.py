"""The policy as Markdown: docs/PERMISSIONS.md is printed from it."""

from app.access.policy import FIELD_CLASSES, GRANTS, PERMISSIONS, ROLE_DESCRIPTIONS, SIGHT, Role


def roles_table() -> str:
    lines = ["| role | who |", "|---|---|"]
    lines += [f"| {role.value} | {ROLE_DESCRIPTIONS[role]} |" for role in Role]
    return "\n".join(lines) + "\n"


def sight_table() -> str:
    lines = ["| class | " + " | ".join(Role) + " |", "|---" + "|:-:" * len(Role) + "|"]
    lines += [f"| {name} | " + " | ".join(SIGHT[role][name] for role in Role) + " |" for name in FIELD_CLASSES]
    return "\n".join(lines) + "\n"


def permissions_table() -> str:
    lines = ["| permission | what it allows | " + " | ".join(Role) + " |", "|---|---" + "|:-:" * len(Role) + "|"]
    for code, permission in PERMISSIONS.items():
        marks = " | ".join("yes" if code in GRANTS[role] else "" for role in Role)
        lines.append(f"| `{code}` | {permission.description} | {marks} |")
    return "\n".join(lines) + "\n"
