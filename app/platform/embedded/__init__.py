"""
A PostgreSQL 18 of our own in a data folder, for trying, developing and testing; never for production.

    with running(Path(".data")) as cluster:
        connect(cluster.url())

`cluster.py` tells the story, `server.py` handles the processes, `account.py` the system's user they run as,
`binaries.py` the programs, `configuration.py` the settings, `locks.py` who is in the folder.
"""

from app.platform.embedded.binaries import find_binaries
from app.platform.embedded.cluster import (
    Cluster,
    exit_on_sigterm,
    kept_running,
    refuse_in_production,
    running,
    running_already,
)
from app.platform.embedded.errors import EmbeddedError

__all__ = [
    "Cluster",
    "EmbeddedError",
    "exit_on_sigterm",
    "find_binaries",
    "kept_running",
    "refuse_in_production",
    "running",
    "running_already",
]
