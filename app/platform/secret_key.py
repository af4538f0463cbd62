"""The secret key of a development server: made once, kept beside its data, for its owner's eyes alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import SecretStr

from app.platform.settings import Settings, SettingsError

FILE = "secret-key"


def with_kept_key(settings: Settings, environ: dict[str, str] | os._Environ[str]) -> Settings:
    """
    The settings with a key that outlives the process, so that authenticator apps work after a restart.

    CRM_SECRET_KEY goes first; production has refused to start without it. The key is put into `environ` too, for the
    server's worker processes. SettingsError where the folder cannot be written.
    """
    if environ.get("CRM_SECRET_KEY") or settings.is_production:
        return settings
    try:
        key = _kept(settings.data_dir)
    except OSError as error:
        raise SettingsError(
            f"CRM_SECRET_KEY is not set, and none can be kept in {settings.data_dir} ({error.strerror}); "
            "set it, or name a folder of yours in CRM_DATA_DIR."
        ) from None
    environ["CRM_SECRET_KEY"] = key
    return settings.model_copy(update={"secret_key": SecretStr(key)})


def _kept(data_dir: Path) -> str:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / FILE
    if not path.exists():
        # Whole before it has its name: of two processes that start at once, one makes the file, the other reads it.
        with NamedTemporaryFile("w", dir=data_dir) as file, suppress(FileExistsError):
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.link(file.name, path)
    return path.read_text().strip()
