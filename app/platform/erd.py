"""The tables as Markdown and as a Mermaid diagram: the printed parts of docs/ERD_DESIGN.md."""

import inspect

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from app.platform.db import Base, Rows

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def _tables() -> list[Table]:
    return sorted(Base.metadata.tables.values(), key=lambda table: table.name)


def diagram() -> str:
    """An entity relationship diagram: tables with their keys, and every foreign key."""
    lines = ["```mermaid", "erDiagram"]
    for table in _tables():
        for constraint in sorted(table.foreign_key_constraints, key=lambda c: str(c.name)):
            columns = ", ".join(column.name for column in constraint.columns)
            many = "o|" if any(column.nullable for column in constraint.columns) else "||"
            lines.append(f'    {constraint.referred_table.name} {many}--o{{ {table.name} : "{columns}"')
    return "\n".join([*lines, "```"]) + "\n"


def tables() -> str:
    """Every table: what it holds, its columns with type and privacy class, its rules."""
    described = {mapper.local_table: mapper.class_.__doc__ for mapper in Base.registry.mappers}
    parts = []
    for table in _tables():
        doc = inspect.cleandoc(described.get(table) or "")
        parts.append(f"### {table.name}\n")
        if doc:
            parts.append(f"{doc}\n")
        if table.info["rows"] is Rows.INSERT_ONLY:
            parts.append("Insert only.\n")
        parts.append("| column | type | may be empty | class |\n|---|---|:-:|---|")
        for column in table.columns:
            kind = column.type.compile(_DIALECT).lower()
            if isinstance(column.server_default, Computed):
                kind += f" = {column.server_default.sqltext}"
            empty = "yes" if column.nullable else ""
            privacy = "case detail" if column.info.get("detail") else column.info["privacy"]
            parts.append(f"| {column.name} | {kind} | {empty} | {privacy} |")
        parts.append("")
        rules = sorted(_rules(table))
        parts += [*rules, ""] if rules else []
    return "\n".join(parts)


def _rules(table: Table) -> list[str]:
    found = []
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            found.append(f"- `{constraint.name}`: `{str(constraint.sqltext).replace(chr(10), ' ')}`")
        elif isinstance(constraint, (UniqueConstraint, ExcludeConstraint)):
            columns = ", ".join(column.name for column in constraint.columns)
            kind = "no overlap of" if isinstance(constraint, ExcludeConstraint) else "unique"
            found.append(f"- `{constraint.name}`: {kind} {columns}")
        elif isinstance(constraint, ForeignKeyConstraint):
            columns = ", ".join(column.name for column in constraint.columns)
            found.append(f"- `{constraint.name}`: {columns} in {constraint.referred_table.name}")
    for index in table.indexes:
        if index.unique:
            where = index.dialect_options["postgresql"]["where"]
            columns = ", ".join(str(expression) for expression in index.expressions)
            found.append(f"- `{index.name}`: unique {columns}" + (f" where {where}" if where is not None else ""))
    return found
