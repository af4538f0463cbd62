"""`crm user …`: the accounts of people."""

from app.cli_users import commands as user_commands
from app.commands import in_database, read_settings

commands = user_commands(in_database, read_settings)
