"""`crm legacy …`: the migration."""

from app.commands import prepared, read_settings
from app.legacy.cli import commands as legacy_commands

commands = legacy_commands(lambda: prepared(read_settings()))
