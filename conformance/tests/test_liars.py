"""Liars: whatever an adopter does to keep the suite quiet, the run must not end green.

PYGENT_VEC_MUTANTS=all tries every lie; otherwise two of each kind, because each needs a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

T = TypeVar("T")


def _some(lies: Sequence[T]) -> Sequence[T]:
    return lies if os.environ.get("PYGENT_VEC_MUTANTS") == "all" else lies[:2]


_HEAD = """
import pytest
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec_conformance import StoreTarget, VectorStoreContract

def made(cls):
    return StoreTarget(backend="memory", factory=lambda settings, embedder: cls(MemoryConfig()), path_setting="")
"""
_HONEST = """
class TestHonest(VectorStoreContract):
    target = StoreTarget(backend="memory")
"""


def _pytest(
    folder: Path, *arguments: str, test: str = "", conftest: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run an adopter's folder in a pytest of its own that stops at the first failure."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    if conftest:
        (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    if test:
        (folder / "test_adopted.py").write_text(_HEAD + test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", str(folder / "pytest.ini"), "-p", "no:cacheprovider"]
    command += ["-p", "pygent_vec_conformance.pytest_plugin", "-q", "-x", "--tb=line", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.update(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONPATH=str(folder))
    return subprocess.run(  # our own arguments
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def _is_red(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode != 0, f"a liar ended green:\n{done.stdout[-3000:]}"


@pytest.mark.parametrize(
    "mark",
    _some(
        [
            "@pytest.mark.skip(reason='no server')",
            "@pytest.mark.skipif(True, reason='no server')",
            "@pytest.mark.xfail(reason='later')",
            "@pytest.mark.xfail(strict=False, run=False)",
            "@pytest.mark.usefixtures('absent')",
        ]
    ),
)
def test_a_mark_on_the_class_does_not_excuse_it(tmp_path: Path, mark: str) -> None:
    test = f"""
@pytest.fixture
def absent():
    pytest.skip("no server")

{mark}
class TestLiar(VectorStoreContract):
    target = StoreTarget(backend="memory")
"""
    _is_red(_pytest(tmp_path, test=test))


@pytest.mark.parametrize(
    "start",
    _some(
        [
            "pytest.skip('no server')",
            "pytest.xfail('later')",
            "pytest.importorskip('no_such_client')",
            "raise OSError('no server')",
            "return None",
            "return 'memory'",
        ]
    ),
)
def test_a_target_fixture_that_gives_no_target_is_a_failure(tmp_path: Path, start: str) -> None:
    test = f"""
class TestLiar(VectorStoreContract):
    @pytest.fixture
    def target(self):
        {start}
"""
    _is_red(_pytest(tmp_path, test=test))


@pytest.mark.parametrize(
    "start",
    _some(
        [
            "pytest.skip('no server')",
            "pytest.xfail('later')",
            "pytest.exit('enough', returncode=0)",
            "raise SystemExit(0)",
            "raise KeyboardInterrupt",
            "raise OSError('no route to host')",
            "import threading; threading.Event().wait()",
        ]
    ),
)
def test_a_store_that_does_not_open_is_a_failure(tmp_path: Path, start: str) -> None:
    test = f"""
class Liar(MemoryStore):
    def _open(self):
        {start}

class TestLiar(VectorStoreContract):
    target = made(Liar)
"""
    _is_red(_pytest(tmp_path, "--check-timeout", "2", test=test))


@pytest.mark.parametrize(
    "start", _some(["pytest.skip('no', allow_module_level=True)", "import no_such_client", "1 / 0"])
)
def test_a_module_that_does_not_come_to_its_class_is_not_green(tmp_path: Path, start: str) -> None:
    _is_red(_pytest(tmp_path, test=f"{start}\n{_HONEST}"))


@pytest.mark.parametrize(
    "body",
    _some(
        [
            "def test_a_store_opens_and_answers(self): pass",
            "test_a_store_opens_and_answers = None",
            "__test__ = False",
            "conformance_contract = False",
            "def conformance_changes(cls=None): return []\n    def test_a_store_opens_and_answers(self): pass",
            "known_faults = {'test_a_store_opens_and_answers': 'later'}",
            "known_faults = {'test_nothing': None}",
            "def __init_subclass__(cls): pass\n    def test_a_store_opens_and_answers(self): pass",
        ]
    ),
)
def test_a_check_cannot_be_overridden(tmp_path: Path, body: str) -> None:
    test = f"""
class TestLiar(VectorStoreContract):
    target = StoreTarget(backend="memory")
    {body}
"""
    _is_red(_pytest(tmp_path, test=test))


@pytest.mark.parametrize(
    "after",
    _some(
        [
            "TestLiar.test_a_store_opens_and_answers = lambda self: None",
            "VectorStoreContract.test_a_store_opens_and_answers = lambda self: None",
            "del VectorStoreContract.test_a_store_opens_and_answers",
            "TestLiar.__test__ = False",
            "TestLiar.known_faults = None",
            "TestLiar.conformance_changes = classmethod(lambda cls: [])",
        ]
    ),
)
def test_a_check_cannot_be_replaced_afterwards(tmp_path: Path, after: str) -> None:
    test = f"""
class TestLiar(VectorStoreContract):
    target = StoreTarget(backend="memory")

{after}
"""
    _is_red(_pytest(tmp_path, "-k", "opens_and_answers or smoke", test=test))


def test_a_mixin_cannot_bring_its_own_checks(tmp_path: Path) -> None:
    test = """
class Mixin:
    def test_a_store_opens_and_answers(self):
        pass

class TestLiar(Mixin, VectorStoreContract):
    target = StoreTarget(backend="memory")
"""
    _is_red(_pytest(tmp_path, test=test))


@pytest.mark.parametrize(
    "hook",
    _some(
        [
            "def pytest_collection_modifyitems(items): items.clear()",
            "def pytest_collection_modifyitems(items): del items[1:]",
            "def pytest_collection_modifyitems(items): [item.add_marker(pytest.mark.skip) for item in items]",
            "def pytest_collection_modifyitems(items): [item.add_marker(pytest.mark.xfail) for item in items]",
            "def pytest_runtest_setup(item): pytest.skip('no server')",
            "def pytest_runtest_protocol(item): return True",
            "def pytest_pyfunc_call(pyfuncitem): return True",
            "def pytest_ignore_collect(): return True",
        ]
    ),
)
def test_a_conftest_cannot_take_checks_away(tmp_path: Path, hook: str) -> None:
    _is_red(_pytest(tmp_path, test=_HONEST, conftest=f"import pytest\n{hook}\n"))


@pytest.mark.parametrize(
    "arguments",
    _some(
        [
            ("--backend", "no-such-backend"),
            ("--backend", "memory", "--backend-config", "no_such_setting=1"),
            ("--target", "no_such_module:target"),
            ("--target", "raising:target"),
            ("--target", "json:dumps"),
            (),
        ]
    ),
)
def test_a_target_that_is_none_is_a_failure(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "raising.py").write_text("raise RuntimeError('no licence')\n", encoding="utf-8")
    _is_red(_pytest(tmp_path, "--pyargs", "pygent_vec_conformance.suite", *arguments))


@pytest.mark.parametrize(
    "store",
    _some(
        [
            "class Liar:\n    def __getattr__(self, name): return None",
            "from unittest.mock import AsyncMock as Liar_\ndef Liar(config): return Liar_()",
            "from unittest.mock import MagicMock as Liar_\ndef Liar(config): return Liar_()",
            "def Liar(config): return None",
            "class Liar(MemoryStore):\n    @property\n    def capabilities(self): return None",
        ]
    ),
)
def test_something_that_is_no_store_is_a_failure(tmp_path: Path, store: str) -> None:
    test = f"""
{store}

class TestLiar(VectorStoreContract):
    target = made(Liar)
"""
    _is_red(_pytest(tmp_path, "--check-timeout", "5", test=test))


@pytest.mark.parametrize("how", _some(["os._exit(0)", "os.kill(os.getpid(), 9)"]))
def test_a_backend_that_ends_the_process_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    from pygent_vec_conformance import run
    from pygent_vec_conformance.verdict import Status

    source = f"""{_HEAD}
import os

class Liar(MemoryStore):
    def _count(self, spec, pushed):
        {how}

target = made(Liar)
"""
    (tmp_path / "ending.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    verdict = run("ending", target="ending:target", only="count")
    assert verdict.status is Status.FAILED, verdict.headline()
