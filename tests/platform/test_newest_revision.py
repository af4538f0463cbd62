from alembic.config import Config
from alembic.script import ScriptDirectory

from app.platform.newest_revision import REVISIONS, head_revision


def test_head_is_the_one_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(REVISIONS))

    assert head_revision() == ScriptDirectory.from_config(config).get_current_head()
