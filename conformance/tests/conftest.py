"""A pytest run of its own for each test that needs one."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from pygent_vec_conformance import Verdict

Run = Callable[[str, Sequence[str]], tuple[int, Mapping[str, Verdict], str]]


@pytest.fixture(scope="module")
def run_pytest(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs pytest on a module's text: exit code, verdicts by class or label, output."""

    def run(text: str, options: Sequence[str] = ()) -> tuple[int, Mapping[str, Verdict], str]:
        folder = tmp_path_factory.mktemp("run")
        (folder / "test_it.py").write_text(text, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--report", "report"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            [*command, *options],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
        )
        return done.returncode, _verdicts(folder / "report"), done.stdout + done.stderr

    return run


def _verdicts(folder: Path) -> dict[str, Verdict]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))]
    return {verdict.target.rpartition("::")[2]: verdict for verdict in map(Verdict.from_json, texts)}
