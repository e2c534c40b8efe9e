"""What the tests of the command line share: running it, and plugins that exist for one test only."""

import json
import os
import subprocess
import sys
from uuid import uuid4

from typer.testing import CliRunner

from pygent_vec.cli._app import application


def run(*arguments):
    """Run a command in this process. The result has exit_code, stdout, stderr and exception."""
    return CliRunner().invoke(application(), [str(one) for one in arguments], env={"COLUMNS": "80"})


def run_json(*arguments):
    """Run a command with --json and return what it says, which must be JSON and nothing else."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def run_process(*arguments, path=None, **environment):
    """Run a command in a process of its own; *path* is searched for plugins."""
    return subprocess.run(
        [sys.executable, "-m", "pygent_vec", *map(str, arguments)],
        env=process_environment(path, environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def process_environment(path, environment):
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"FORCE_COLOR", "NO_COLOR", "PYGENT_VEC_DISABLED_PLUGINS"}
    }
    added = {"PYTHONPATH": str(path)} if path is not None else {}
    return {**inherited, "COLUMNS": "80", "TERM": "xterm-256color", **added, **environment}


def offer(folder, name, source, *, distribution=None, version="1.0", group="pygent_vec.backends"):
    """Make *folder*, once it is on sys.path, offer a plugin *name* whose module has this *source*."""
    distribution = distribution or f"example-{name}"
    # A name of its own, for Python keeps the modules of earlier tests.
    module = f"plugin_{uuid4().hex}"
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n", encoding="utf-8")


BACKEND = """
from pathlib import Path

import attrs

from pygent_vec.contract import StoreConfig
from pygent_vec.plugin import BackendSpec, hookimpl
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryConfig, MemoryStore


@attrs.frozen(kw_only=True)
class ShelfConfig(StoreConfig):
    path: Path


@hookimpl
def pygent_vec_backend():
    return BackendSpec(
        name="shelf",
        store=store,
        config=ShelfConfig,
        capabilities=MEMORY_CAPABILITIES,
        contract_version={version},
        summary="Makes its directory when it is opened.",
        install_hint="pip install example-shelf",
    )


def store(config, *, name, embedder):
    {before}
    config.path.mkdir(exist_ok=True)
    return MemoryStore(MemoryConfig(), name=name or "shelf", embedder=embedder)
"""


def shelf(*, version=1, before="pass"):
    """Return the source of a backend that has a path, as a durable one does."""
    return BACKEND.replace("{version}", str(version)).replace("{before}", before)
