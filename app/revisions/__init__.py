"""Alembic's revisions: each a change of the schema, named by its effect, up and down."""
