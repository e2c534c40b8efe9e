"""Moves between real stores: nothing is lost, whoever dies, and whoever writes meanwhile."""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pygent_vec import BackendError, DistanceMetric, VectorDocument, VectorStoreManager, open_store
from pygent_vec.model import from_micros
from pygent_vec.transfer import copy, mirror, verify

from .killed_copy import POINTS, ROWS
from .servers import ChromaServer, PostgresServer

DIMENSION = 16
COUNT = 1000
CHILD = Path(__file__).with_name("killed_copy.py")
BATCHES = {"batch_size": ROWS, "names": ("source", "target")}


@pytest.fixture(scope="module")
def postgres():
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def chroma(tmp_path_factory):
    server = ChromaServer(tmp_path_factory.mktemp("chroma"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The URL of a FAISS store with documents."""
    url = f"faiss:{tmp_path_factory.mktemp('moves') / 'library'}"

    async def story():
        async with open_store(url) as store:
            await store.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
            await store.add_documents(map(document, range(COUNT)), preserve_timestamps=True)

    told(story())
    return url


@pytest.fixture
def name(request):
    """A collection that no other test has."""
    return re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")[-60:]


def told(story):
    async def bounded():
        async with asyncio.timeout(120):
            return await story

    return asyncio.run(bounded())


def document(number, **changes):
    values = {
        "id": f"doc-{number:05}",
        "content": f"text {number}",
        "embedding": np.random.default_rng(number).standard_normal(DIMENSION).astype(np.float32),
        "metadata": {"number": number, "float": 1.0, "nested": {"list": [True, None, 5e-324, -0.0]}},
        "source": "tests",
        "chunk_index": number,
        "created_at": from_micros(number),
        "updated_at": from_micros(10**15 + number),
    }
    return VectorDocument(**{**values, **changes})


class TestBackends:
    """The same documents everywhere."""

    def test_documents_that_went_round_all_backends_are_the_same(
        self, library, postgres, chroma, tmp_path, name
    ):
        path = [library, postgres.address, f"chroma:{chroma.address}", f"faiss:{tmp_path / 'end'}"]

        async def story():
            collection = None
            for source, target in pairwise(path):
                async with open_store(source) as here, open_store(target) as there:
                    report = await copy(here, there, collection=collection, to=name)
                    assert report.ok, report
                    assert report.verification.queries == 20
                collection = name
            async with open_store(path[0]) as first, open_store(path[-1]) as last:
                found = await verify(first, last, to=name)
                assert found.same, found
                assert found.source_digest == found.target_digest

        told(story())

    def test_a_cosine_collection_is_near_enough_in_chroma(self, chroma, tmp_path, name):
        async def story():
            async with (
                open_store("faiss", path=tmp_path / "a") as here,
                open_store("chroma", url=chroma.address) as there,
            ):
                await here.create_collection(name, DIMENSION)
                await here.add_documents([document(number, collection=name) for number in range(50)])
                report = await copy(here, there, collection=name)
                assert report.ok, report
                assert any("not bit for bit" in note for note in report.notes)

        told(story())


class TestKilled:
    """A copy that is killed goes on, and the end is as if it had not been."""

    @pytest.mark.parametrize("point", POINTS)
    def test_at_every_point(self, point, library, tmp_path):
        url, checkpoint = f"faiss:{tmp_path / 'copy'}", tmp_path / "checkpoint"
        killed = killed_at(point, library, url, checkpoint)
        assert killed == -signal.SIGKILL
        report = told(resumed(library, url, checkpoint))
        known = {"before-a-write": 2, "behind-a-write": 2, "behind-a-record": 3}
        if point in known:
            # The last record may have been under way.
            assert report.moved.resumed in {(known[point] - 1) * ROWS, known[point] * ROWS}
        assert report.ok, report
        assert report.moved.digest == report.verification.target_digest
        assert not [path for path in tmp_path.iterdir() if path.name.startswith("checkpoint.lock")]
        assert not checkpoint.exists()

    def test_behind_a_write_to_postgresql(self, library, postgres, tmp_path, name):
        url = f"{postgres.address}&schema={name.replace('-', '_')[:40]}"
        assert killed_at("behind-a-write", library, url, tmp_path / "checkpoint") == -signal.SIGKILL
        report = told(resumed(library, url, tmp_path / "checkpoint"))
        assert report.ok
        assert report.moved.resumed in {ROWS, 2 * ROWS}

    def test_the_command_again_and_again(self, library, tmp_path):
        choice, url, state = random.Random(1), f"faiss:{tmp_path / 'copy'}", tmp_path / "state" / "pygent-vec"
        seen = 0
        for _ in range(2):
            command = copying(library, url, tmp_path, "--batch-size", "50", "--rate-limit", "1000")
            while recorded(state) <= seen:
                assert command.poll() is None, command.communicate()
                time.sleep(0.02)
            time.sleep(choice.uniform(0, 0.1))
            command.kill()
            command.communicate()
            seen = recorded(state)
        assert 100 <= seen < COUNT
        command = copying(library, url, tmp_path, "--batch-size", "50", "--json")
        output, errors = command.communicate(timeout=30)
        assert "Going on with a copy that was interrupted" in errors
        assert json.loads(output)["collections"][0]["moved"]["resumed"] == seen
        assert command.returncode == 0, errors
        assert list(state.iterdir()) == []
        told(same(library, url))


class TestInterrupted:
    """Ctrl-C, and servers that die: what is there stays, and the message says how to go on."""

    def test_control_c_leaves_a_copy_that_goes_on(self, library, tmp_path):
        url = f"faiss:{tmp_path / 'copy'}"
        command = copying(library, url, tmp_path, "--batch-size", "50", "--rate-limit", "500")
        state = tmp_path / "state" / "pygent-vec"
        while not recorded(state):
            assert command.poll() is None, command.communicate()
            time.sleep(0.02)
        command.send_signal(signal.SIGINT)
        output, errors = command.communicate(timeout=30)
        assert (command.returncode, output) == (130, "")
        assert "the same command again goes on from there" in errors
        again = copying(library, url, tmp_path, "--json")
        output, errors = again.communicate(timeout=30)
        assert again.returncode == 0, errors
        assert json.loads(output)["ok"]
        told(same(library, url))

    def test_a_postgresql_that_dies_amid_a_copy(self, library, postgres, tmp_path, name):
        async def story():
            async with open_store(library) as here, open_store(postgres.address, connect_timeout=2) as there:
                with pytest.raises(BackendError):
                    await copy(
                        here,
                        there,
                        to=name,
                        checkpoint=tmp_path / "c",
                        on_progress=killer(postgres),
                        **BATCHES,
                    )
                await asyncio.to_thread(postgres.start)
                return await copy(here, there, to=name, checkpoint=tmp_path / "c", **BATCHES)

        report = told(story())
        assert (report.ok, report.moved.resumed) == (True, 3 * ROWS)

    def test_a_chroma_that_dies_amid_a_copy(self, library, tmp_path, name):
        (tmp_path / "chroma").mkdir()
        server = ChromaServer(tmp_path / "chroma")

        async def story():
            async with open_store(library) as here, open_store("chroma", url=server.address) as there:
                with pytest.raises(BackendError):
                    await copy(
                        here, there, to=name, checkpoint=tmp_path / "c", on_progress=killer(server), **BATCHES
                    )
                await asyncio.to_thread(server.start)
                return await copy(here, there, to=name, checkpoint=tmp_path / "c", **BATCHES)

        try:
            report = told(story())
        finally:
            server.close()
        assert (report.ok, report.moved.resumed) == (True, 3 * ROWS)


class TestMirror:
    """A collection moves while it is in use."""

    @pytest.mark.parametrize("pair", ["memory-faiss", "faiss-postgres"])
    def test_both_hold_exactly_the_same_after_a_move_under_load(self, pair, postgres, tmp_path, name):
        settings = {
            "memory": {"backend": "memory"},
            "faiss": {"backend": "faiss", "path": str(tmp_path / "faiss")},
            "postgres": {"backend": "postgres", "dsn": postgres.address},
        }
        old, new = pair.split("-")
        stores = {"stores": {one: settings[one] for one in (old, new)}, "default_store": old}
        told(moved_under_load(stores, old, new, name))


async def moved_under_load(settings, old, new, name):
    async with VectorStoreManager(settings) as manager:
        await manager.create_collection(name, DIMENSION, DistanceMetric.EUCLIDEAN)
        await manager.add_documents([document(number, collection=name) for number in range(COUNT)])
        until = asyncio.Event()
        load = [asyncio.create_task(writing(manager, seed, name, until)) for seed in range(4)]
        made = await mirror(manager, old, new, collection=name, batch_size=50)
        assert made.report.same, made.report
        here, there = await manager.get_store(old), await manager.get_store(new)
        async with manager.writes_paused():
            assert made.behind == 0
            found = await verify(here, there, collection=name)
            assert found.same, found
            assert found.source_digest == found.target_digest
        await made.cut_over()
        until.set()
        writes = sum(await asyncio.gather(*load))
        assert writes > 40
        assert await manager.count_documents(collection=name) == await there.count_documents(collection=name)


async def writing(manager, seed, name, until):
    """Add, replace, update and delete until an event is set; return how many writes there were."""
    choice, writes = random.Random(seed), 0
    while not until.is_set():
        numbers = choice.sample(range(COUNT + 200), 5)
        changed = [document(one, collection=name, content=f"new {choice.random()}") for one in numbers]
        kind = choice.randrange(4)
        if kind == 0:
            await manager.add_documents(changed)
        elif kind == 1:
            await manager.update_documents(changed)
        elif kind == 2:
            await manager.delete_documents([one.id for one in changed], collection=name)
        else:
            await manager.delete_where({"number": {"$in": numbers}}, collection=name)
        writes += 1
    return writes


def killed_at(point, source, target, checkpoint):
    command = [sys.executable, str(CHILD), source, target, str(checkpoint), point]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


async def resumed(source, target, checkpoint):
    async with open_store(source) as here, open_store(target) as there:
        return await copy(here, there, checkpoint=checkpoint, **BATCHES)


async def same(source, target):
    async with open_store(source) as here, open_store(target) as there:
        found = await verify(here, there)
        assert found.same, found


def copying(source, target, tmp_path, *options):
    command = [sys.executable, "-m", "pygent_vec", "copy", source, target, *options]
    return subprocess.Popen(
        command,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def recorded(state):
    """Return how many documents the checkpoint of the only copy knows of; 0 if there is none yet."""
    found = list(state.glob("copy-*.json.default")) if state.is_dir() else []
    return json.loads(found[0].read_text())["documents"] if found else 0


def killer(server):
    """Return what kills a server when three batches are there."""

    def tell(now):
        if (now.phase, now.done) == ("copying", 3 * ROWS):
            with suppress(ProcessLookupError):
                server.kill()

    return tell
