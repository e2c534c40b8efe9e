"""Kill -9 at any instant: what was acknowledged stays, what was not is there whole or not at all."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from pygent_vec import VectorQuery
from pygent_vec.model import Projection

from . import crash_writer as writer

ROUNDS = int(os.environ.get("PYGENT_VEC_CRASH_ROUNDS", "50"))
FOCUSED_ROUNDS = max(5, ROUNDS // 10)


class Model:
    """What the store should hold: for each collection its documents by id."""

    def __init__(self, collections):
        self.collections = collections

    def after(self, name, argument):
        """Return the model after one step."""
        collections = {key: dict(documents) for key, documents in self.collections.items()}
        documents = collections[writer.COLLECTION]
        if name in {"write", "clean"}:
            columns = zip(argument.ids, argument.vectors, argument.contents, argument.metadatas, strict=True)
            documents |= {key: (vector.tobytes(), *rest) for key, vector, *rest in columns}
        elif name == "delete":
            for key in argument:
                documents.pop(key, None)
        elif name == "delete_where":
            gone = [key for key, (_, _, metadata) in documents.items() if metadata["group"] == argument]
            for key in gone:
                del documents[key]
        elif name == "create":
            collections.setdefault(argument, {})
        elif name == "drop":
            collections.pop(argument, None)
        return Model(collections)


class Server:
    """The writer's process, which forks a child for each round."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, writer.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            # Teams of threads that spin in small work would only make the rounds longer.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(timeout=60) == 0
        self._process.stdout.close()

    def round(self, path, seed, first, *, steps, delay, only=None):
        """Start a child, kill it *delay* seconds after it begins step `first + steps`; return what it said."""
        job = {"path": str(path), "seed": seed, "first": first, "only": only}
        self._process.stdin.write(json.dumps(job) + "\n")
        said, pid = [], None
        while (line := self._process.stdout.readline().strip()) != "end":
            assert not line.startswith("failed"), line
            assert line, "the server ended"
            if line.startswith("pid"):
                pid = int(line.split()[1])
            else:
                said.append(line)
            if pid is not None and f"begin {first + steps}" in said:
                select.select([], [], [], delay)
                os.kill(pid, signal.SIGKILL)
                pid = None
        return said


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def live(tmp_path):
    path = tmp_path / "live"
    with writer.opened(path) as store:
        store.create_collection(writer.COLLECTION, writer.D, index="hnsw")
        store.add_batch(writer.base_batch())
        store.optimize()
    return path


def held(store):
    """Return what a store holds, as a model."""
    return {
        name: {
            one.id: (one.embedding.tobytes(), one.content, one.metadata)
            for one in store.iter_documents(collection=name)
        }
        for name in store.list_collections()
    }


def check_searches(store, documents, seen):
    """Documents are their own nearest ones, by an exact scan and by the index where it has them.

    All those are looked for that were not *seen* in an earlier round, and a tenth of the others.
    """
    fresh = documents.items() - seen.items()
    ids = sorted({key for key, _ in fresh} | {*list(documents)[::10]})
    joined = b"".join(documents[key][0] for key in ids)
    vectors = np.frombuffer(joined, np.float32).reshape(len(ids), writer.D)
    queries = [VectorQuery(query_vector=vector, limit=1, exact=True) for vector in vectors]
    assert [found[0].document.id for found in store.search_many(queries)] == ids
    parts = store.store._collections[writer.COLLECTION].parts
    if parts.index is None:
        return
    slots = np.array(parts.table.fetch_ids(ids, Projection(content=False, metadata=False)).slots)
    covered = slots < parts.index.count
    if not covered.any():
        return
    found = parts.index.search(vectors[covered], 10, effort=128, selector=parts.selector())
    assert (found == slots[covered, np.newaxis]).any(axis=1).all()


def after_kill(live, copy, acknowledged, in_flight, *, optimize):
    """Return the model that a copy of the killed store holds: the acknowledged one, or with the step in flight."""
    shutil.copytree(live, copy)
    try:
        with writer.opened(copy) as store:
            found = held(store)
            wanted = [acknowledged] + ([acknowledged.after(*in_flight)] if in_flight else [])
            matching = [model for model in wanted if model.collections == found]
            assert matching, describe(found, wanted)
            check_searches(store, texts(found), texts(acknowledged.collections))
            if optimize:
                store.optimize()
                assert held(store) == found
                check_searches(store, texts(found), {})
    finally:
        shutil.rmtree(copy)
    return matching[0]


def texts(collections):
    """Return vector and content of each document of the main collection."""
    return {key: document[:2] for key, document in collections[writer.COLLECTION].items()}


def describe(found, wanted):
    """Return how *found* differs from each wanted model."""
    lines = []
    for model in wanted:
        for name in sorted({*found, *model.collections}):
            mine, its = found.get(name), model.collections.get(name)
            if mine is None or its is None:
                lines.append(f"{name}: found {mine is not None}, wanted {its is not None}")
            else:
                differing = [key for key in {*mine, *its} if mine.get(key) != its.get(key)]
                lines.append(f"{name}: {len(differing)} documents differ, such as {differing[:3]}")
    return "; ".join(lines)


def killed_rounds(server, live, copy, *, rounds, seed, only=None):
    """Kill a writer so many times, each going on from what the last kill left; return what was in flight."""
    random, first, in_flight = np.random.default_rng(seed), 0, Counter()
    model = Model({writer.COLLECTION: as_model(writer.base_batch())})
    for number in range(rounds):
        steps = int(random.integers(0, 3 if only else 8))
        delay = float(10 ** random.uniform(-4, -0.8)) if random.random() < 0.8 else 0.0
        said = server.round(live, seed, first, steps=steps, delay=delay, only=only)
        done = [int(line.split()[1]) for line in said if line.startswith("done")]
        begun = [int(line.split()[1]) for line in said if line.startswith("begin")]
        for step in done:
            model = model.after(*writer.step_of(seed, step, only))
        pending = writer.step_of(seed, begun[-1], only) if begun[-1] not in done else None
        in_flight[pending[0] if pending else None] += 1
        model = after_kill(live, copy, model, pending, optimize=number % 5 == 0)
        first = begun[-1] + 1
    return in_flight


def as_model(batch):
    return Model({writer.COLLECTION: {}}).after("write", batch).collections[writer.COLLECTION]


def test_acknowledged_steps_survive_a_kill_at_any_instant(server, live, tmp_path):
    in_flight = killed_rounds(server, live, tmp_path / "copy", rounds=ROUNDS, seed=1)
    assert len(in_flight) > 3, "the kills should meet steps of several kinds"


@pytest.mark.parametrize("step", ["optimize", "create", "clean", "delete_where"])
def test_a_kill_in_the_midst_of_one_kind_of_step_loses_nothing(server, live, tmp_path, step):
    """An index that is built, a collection that is made, a close, a deletion by filter."""
    killed_rounds(server, live, tmp_path / "copy", rounds=FOCUSED_ROUNDS, seed=2, only=step)


def test_a_kill_during_compaction_loses_nothing(server, live, tmp_path):
    """Half of the documents die first, so that each optimization begins with a compaction."""
    model = Model({writer.COLLECTION: as_model(writer.base_batch())})
    random = np.random.default_rng(3)
    for number in range(FOCUSED_ROUNDS):
        with writer.opened(live) as store:
            batch = writer.batch_of(random, np.sort(random.choice(writer.POOL, 700, replace=False)))
            store.add_batch(batch)
        model = model.after("write", batch)
        delay = float(random.uniform(0, 0.03))
        server.round(live, 3, 10 * number, steps=0, delay=delay, only="optimize")
        after_kill(live, tmp_path / "copy", model, None, optimize=number == 0)


def test_a_collection_that_was_half_made_or_half_removed_is_gone_after_the_next_open(live):
    for leftover in (".new-0123", ".trash-4567"):
        shutil.copytree(live / "collections" / writer.COLLECTION, live / "collections" / leftover)
    with writer.opened(live) as store:
        assert store.list_collections() == [writer.COLLECTION]
    assert [path.name for path in (live / "collections").iterdir()] == [writer.COLLECTION]
