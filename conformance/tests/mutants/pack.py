"""A pack of hunters: processes that are thrown away when they are tired, fed from one list of mutants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING

from .killing import Death, Fate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Hunter", "hunted", "hunter"]

_REPOSITORY = Path(__file__).parents[3]
_MOST_LIKELY = 8


class Hunter:
    """One process at a time that hunts mutants; another takes its place when it is tired or dies."""

    def __init__(self, folder: Path, killers: Mapping[str, str]) -> None:
        self.folder = folder
        self._killers = killers
        self._process: subprocess.Popen[str] | None = None

    def fate(self, name: str) -> Death:
        """Return what the suite does to the mutant of this name."""
        process, began = self._process or self._started(), perf_counter()
        self._process = process
        if process.stdin is None or process.stdout is None:
            raise TypeError("the hunter has no pipes")
        order = {"name": name, "killer": self._killers.get(name), "likely": self._likely(name)}
        process.stdin.write(f"{json.dumps(order)}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            self.stop()
            seen = f"the process ended with {process.returncode}"
            return Death(mutant=name, fate=Fate.SURVIVED, check="(none)", seen=seen)
        answer = json.loads(line)
        if answer.pop("tired"):
            self.stop()
        return Death(**{**answer, "fate": Fate(answer["fate"]), "seconds": perf_counter() - began})

    def _likely(self, name: str) -> list[str]:
        """Return what killed most mutants of the same function."""
        function = name.partition(": ")[0]
        kills = Counter(check for other, check in self._killers.items() if other.startswith(f"{function}: "))
        return [check for check, _ in kills.most_common(_MOST_LIKELY)]

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            # Children that durability checks kill find the mutants by this.
            "PYTHONPATH": str(_REPOSITORY),
            "TMPDIR": str(self.folder),
            "OPENBLAS_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker"],
            cwd=_REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@contextmanager
def hunter(killers: Mapping[str, str]) -> Iterator[Hunter]:
    """Give a hunter; what it left on disk is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    made = Hunter(folder, killers)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def hunted(names: Iterable[str], killers: Mapping[str, str], *, jobs: int) -> Iterator[Death]:
    """Yield the fate of each mutant, in the order of *names*, by so many processes at a time."""
    with hunter(killers) as first, ThreadPoolExecutor(jobs) as pool:
        idle: SimpleQueue[Hunter] = SimpleQueue()
        pack = [first, *(Hunter(first.folder, killers) for _ in range(jobs - 1))]
        for one in pack:
            idle.put(one)

        def fate(name: str) -> Death:
            mine = idle.get()
            try:
                return mine.fate(name)
            finally:
                idle.put(mine)

        try:
            yield from pool.map(fate, names)
        finally:
            for one in pack:
                one.stop()
