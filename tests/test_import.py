"""Importing pygent_vec is cheap, and brings nothing that is not needed yet."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOT_YET = (
    "aiosqlite",
    "anyio",
    "asyncio",
    "asyncpg",
    "cattrs",
    "chromadb",
    "click",
    "concurrent.futures",
    "difflib",
    "faiss",
    "importlib_metadata",
    "opentelemetry",
    "pandas",
    "pluggy",
    "psycopg",
    "pygent_vec.cli",
    "pygent_vec.legacy",
    "pygent_vec.telemetry",
    "pygent_vec_chroma",
    "pygent_vec_conformance",
    "pygent_vec_embed_static",
    "pygent_vec_faiss",
    "pygent_vec_postgres",
    "rich",
    "sqlite3",
    "tokenizers",
    "tomllib",
    "typer",
)


def python(code, cache):
    """Run *code* in an interpreter that keeps its bytecode in *cache*; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONPYCACHEPREFIX"] = str(cache)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    return run.stdout


def added_by(statement, cache):
    """Return the modules that *statement* adds to those of numpy."""
    code = f"import sys, json, numpy\nbefore = set(sys.modules)\n{statement}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    return json.loads(python(code, cache))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("bytecode")


def test_importing_the_package_brings_no_backend_and_no_client_library(cache):
    modules = added_by("import pygent_vec", cache)
    assert "pygent_vec.model" in modules
    assert [name for name in modules if name in NOT_YET] == []


def test_listing_the_backends_brings_none_of_them(cache):
    statement = "from pygent_vec.plugin import backends, embedders; backends().offers(), embedders().offers()"
    modules = added_by(statement, cache)
    assert [
        name for name in modules if name.startswith(("pygent_vec_", "faiss", "sqlite3", "tokenizers"))
    ] == []
    assert "pygent_vec.plugin.memory" not in modules


def test_opening_a_memory_store_brings_no_other_backend(cache):
    modules = added_by("from pygent_vec import open_store; open_store('memory')", cache)
    assert "pygent_vec.stores" in modules
    assert [name for name in modules if name.startswith(("pygent_vec_", "faiss"))] == []


def processor_seconds(statement, cache):
    code = f"import time\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"
    return min(float(python(code, cache)) for _ in range(5))


def test_importing_the_package_costs_less_than_twice_the_processor_time_of_numpy(cache):
    python("import pygent_vec", cache)  # writes the bytecode
    assert processor_seconds("import pygent_vec", cache) < 2 * processor_seconds("import numpy", cache)


def test_every_module_of_every_distribution_is_in_its_package():
    root = Path(__file__).parents[1]
    for source in [root / "core/src", root / "conformance/src", *root.glob("plugins/*/src")]:
        (package,) = [
            path for path in source.iterdir() if path.is_dir() and not path.name.endswith(".egg-info")
        ]
        assert (package / "__init__.py").is_file()
        assert (package / "py.typed").is_file()
