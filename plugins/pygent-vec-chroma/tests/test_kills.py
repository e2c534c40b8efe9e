"""Kill -9 of the process that has Chroma, at any instant of a write: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import threading

import numpy as np
import pytest

from pygent_vec import BackendUnavailableError, F, VectorBatch, VectorQuery

from .helpers import helper_pids, kill_helper, opened

ROUNDS = int(os.environ.get("PYGENT_VEC_KILL_ROUNDS", "8"))
DIMENSION = 256
BATCH = 60
IDS = 1500


class Truth:
    """What the store acknowledged, and what is in flight."""

    def __init__(self):
        self.documents = {}

    def written(self, batch):
        return self.documents | {
            one: (content, vector.tobytes())
            for one, content, vector in zip(batch.ids, batch.contents, batch.vectors, strict=True)
        }

    def deleted(self, ids):
        return {one: held for one, held in self.documents.items() if one not in set(ids)}


def _batch(dice, number):
    ids = sorted(dice.sample(range(IDS), BATCH))
    vectors = np.random.default_rng(number).standard_normal((BATCH, DIMENSION)).astype(np.float32)
    return VectorBatch(
        ids=[f"d{one:04}" for one in ids], vectors=vectors, contents=[f"version {number}"] * BATCH
    )


def _held(store):
    return {one.id: (one.content, one.embedding.tobytes()) for one in store.iter_documents()}


def _found(store, held):
    query = VectorQuery(query_vector=np.ones(DIMENSION), limit=10_000, include_content=True)
    return {one.document.id: one.document.content for one in store.search_similar(query)}


def _difference(held, wanted):
    other = [one for one in held if one in wanted and held[one] != wanted[one]]
    return {
        "lost": sorted(set(wanted) - set(held))[:5],
        "not deleted": sorted(set(held) - set(wanted))[:5],
        "other": [(one, held[one][0], wanted[one][0]) for one in other][:5],
    }


def _killed_write(store, truth, dice, number):
    """Write until the helper is killed; return the two states that may be there then."""
    pause = dice.random() * 0.6
    killer = threading.Timer(pause, kill_helper)
    killer.start()
    step = 0
    try:
        while True:
            step += 1
            if dice.random() < 0.2 and truth.documents:
                ids = dice.sample(sorted(truth.documents), min(20, len(truth.documents)))
                after, call = truth.deleted(ids), lambda ids=ids: store.delete_documents(ids)
            else:
                batch = _batch(dice, number * 1000 + step)
                after, call = truth.written(batch), lambda batch=batch: store.add_batch(batch)
            try:
                call()
            except BackendUnavailableError:
                return truth.documents, after
            truth.documents = after
            if not killer.is_alive():  # it struck between two calls: the next one has started a new helper
                return truth.documents, truth.documents
    finally:
        killer.join()


@pytest.mark.timeout(60 + ROUNDS * 20)
def test_no_round_of_kills_loses_what_was_acknowledged(tmp_path):
    path, dice, truth, copies = tmp_path / "store", random.Random(5), Truth(), 0
    store = opened(path=path, sync_threshold=100)
    with store:
        store.create_collection("default", DIMENSION, "euclidean")
        for number in range(ROUNDS):
            allowed = _killed_write(store, truth, dice, number)
            folder = path / "pygent-vec" / "copies"
            copies += folder.is_dir() and any("." in one.name for one in folder.iterdir())
            held = _held(store)
            assert held in allowed, f"round {number}: {[_difference(held, state) for state in allowed]}"
            assert _found(store, held) == {one: content for one, (content, _) in held.items()}
            assert store.count_documents() == len(held)
            truth.documents = held
    assert copies, "no kill came while Chroma may have been writing an index: the test proves nothing"
    with opened(path=path) as again:
        assert _held(again) == truth.documents


def test_a_read_goes_on_after_its_helper_was_killed(tmp_path):
    with opened(path=tmp_path / "store") as store:
        store.create_collection("default", 4)
        store.add_batch(VectorBatch(ids=["a"], vectors=np.ones((1, 4), np.float32)))
        kill_helper()
        assert store.count_documents() == 1
        assert len(helper_pids()) == 1


def test_what_was_in_memory_is_gone_with_its_helper_and_every_call_says_so():
    with opened() as store:
        store.create_collection("default", 4)
        kill_helper()
        for _ in range(2):
            with pytest.raises(BackendUnavailableError, match="open a new store") as caught:
                store.count_documents()
            assert not caught.value.transient
        assert store.health_check().status == "unhealthy"


def test_what_a_killed_helper_had_acknowledged_is_seen_by_the_first_call_of_the_next(tmp_path):
    ids = [f"d{row:03}" for row in range(200)]
    batch = VectorBatch(
        ids=ids, vectors=np.ones((200, 2), np.float32), metadatas=[{"row": row} for row in range(200)]
    )
    query = VectorQuery(query_vector=[1, 1], metadata_filter=(F("row") >= 190) & (F("row") < 300))
    with opened(path=tmp_path) as store:
        store.create_collection("default", 2)
        store.add_batch(batch)
        kill_helper()
        assert [hit.document.id for hit in store.search_similar(query)] == ids[190:]
        kill_helper()
        assert store.add_batch(batch, on_conflict="skip") == []
