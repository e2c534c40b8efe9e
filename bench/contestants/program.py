"""A peer: another library, in a program and an environment of its own, asked by lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import numpy as np

from bench.contestants.contestant import Answers, Effort, Where
from bench.runs import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.data import Corpus
    from bench.peers.environments import Peer

__all__ = ["Program"]


class Program:
    """A peer's program. It times itself inside, so that talking with it costs it nothing.

    Args:
        peer: Which.
        work: An empty directory for it.
        server: The directory of a PostgreSQL server's socket, for peers that need one.
    """

    ours = False
    efforts: Sequence[Effort] = ()

    def __init__(self, peer: Peer, work: Path, *, server: str = "") -> None:
        self.name = peer.name
        work.mkdir(parents=True, exist_ok=True)
        self._work = work
        self._queries = 0
        self._log = (work / "log.txt").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [str(peer.python), "-m", f"bench.peers.{peer.module}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ANONYMIZED_TELEMETRY": "False"}
            | {"HAYSTACK_TELEMETRY_ENABLED": "False", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        packages = [one.partition("[")[0] for one in peer.packages]
        opened = self._ask({"do": "open", "work": str(work), "server": server, "packages": packages})
        self.versions = str(opened["versions"])

    def fill(self, data: Corpus) -> None:
        """Hand the documents over as files; the program says what adding them took."""
        np.save(self._work / "vectors.npy", data.vectors)
        columns = {"ids": data.ids, "contents": data.contents, "metadatas": data.metadatas}
        (self._work / "rows.json").write_text(json.dumps(columns), encoding="utf-8")
        self.fill_seconds = float(str(self._ask({"do": "fill"})["seconds"]))

    def finish(self) -> None:
        """What a peer builds, it builds while it is filled."""

    def turn(self, effort: Effort) -> str:
        """Refuse: peers are measured as they come."""
        raise NotImplementedError(f"{self.name} is measured as it comes, without effort {effort}")

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Hand the queries over as a file."""
        np.save(self._work / "queries.npy", queries)
        condition = None if where is None else {"field": where.field, "below": where.below}
        answer = self._ask({"do": "search", "k": k, "where": condition})
        seconds, found = answer["seconds"], answer["found"]
        if not isinstance(seconds, list) or not isinstance(found, list):
            raise TypeError(f"{self.name} answered {answer!r}")
        return Answers(seconds=seconds, found=found)

    def close(self) -> None:
        """End the program."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _ask(self, question: Mapping[str, object]) -> Mapping[str, object]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError(f"{self.name} has no pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            last = self._log.read().strip().splitlines()[-1:] or ["no word"]
            raise NotImplementedError(f"{self.name} ended with {self._process.returncode}: {last[0][:300]}")
        answer: dict[str, object] = json.loads(line)
        if "refused" in answer:
            raise NotImplementedError(f"{self.name}: {answer['refused']}")
        return answer
