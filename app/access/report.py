"""The policy as Markdown: docs/PERMISSIONS.md is printed from it."""

from app.access.policy import GRANTS, MASKED_CLASSES, PERMISSIONS, ROLE_DESCRIPTIONS, Role


def roles_table() -> str:
    lines = ["| role | who | sees masked |", "|---|---|---|"]
    for role in Role:
        masked = ", ".join(sorted(MASKED_CLASSES.get(role, frozenset()))) or "nothing"
        lines.append(f"| {role.value} | {ROLE_DESCRIPTIONS[role]} | {masked} |")
    return "\n".join(lines) + "\n"


def permissions_table() -> str:
    lines = ["| permission | what it allows | " + " | ".join(Role) + " |", "|---|---" + "|:-:" * len(Role) + "|"]
    for code, permission in PERMISSIONS.items():
        marks = " | ".join("yes" if code in GRANTS[role] else "" for role in Role)
        lines.append(f"| `{code}` | {permission.description} | {marks} |")
    return "\n".join(lines) + "\n"
