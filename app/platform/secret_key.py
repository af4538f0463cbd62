"""The secret key of a development server: made once, kept beside its data, for its owner's eyes alone."""

import os
import secrets
from pathlib import Path

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
    try:
        # Of two processes that start at once one makes the file, the other reads it.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text().strip()
