"""Damage to any file of a store: repaired with nothing lost, or refused; never a wrong answer."""

import shutil

import numpy as np
import pytest

from pygent_vec import CorruptStoreError, F, SyncVectorStore, VectorBatch, VectorQuery
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore

D = 12
COUNT = 1_400
CUT = {"documents.sqlite3", "vectors-0.f32"}
"""Files that nothing else can stand in for."""


def opened(path):
    return SyncVectorStore(FaissStore(FaissConfig(path=path, background=False)))


def filled(path):
    """Make a store with a graph, dead slots, an unindexed tail, and a second collection; leave it open."""
    random = np.random.default_rng(0)
    store = opened(path)
    store.initialize()
    for name, kind in (("default", "hnsw"), ("second", "flat")):
        store.create_collection(name, D, index=kind)
        for start in range(0, COUNT, 350):
            store.add_batch(
                VectorBatch(
                    ids=[f"id-{number}" for number in range(start, start + 350)],
                    vectors=random.standard_normal((350, D)).astype(np.float32),
                    contents=[f"text {number} " * 9 for number in range(start, start + 350)],
                    metadatas=[
                        {"number": number, "parity": number % 2} for number in range(start, start + 350)
                    ],
                    collection=name,
                )
            )
            if start == 700:
                store.optimize(name)
        store.delete_documents([f"id-{number}" for number in range(0, COUNT, 9)], collection=name)
    return store


def answers(store):
    """Return everything that a store says."""
    said = [store.list_collections()]
    queries = np.random.default_rng(1).standard_normal((5, D)).astype(np.float32)
    for name in said[0]:
        said.append(
            [
                (one.id, one.content, one.metadata, one.embedding.tobytes(), one.created_at, one.updated_at)
                for one in store.iter_documents(collection=name)
            ]
        )
        said.append(store.count_documents(collection=name, filter=F("parity") == 0))
        for condition in (None, F("parity") == 1):
            for exact in (True, False):
                found = store.search_many(
                    [
                        VectorQuery(
                            query_vector=query, collection=name, metadata_filter=condition, exact=exact
                        )
                        for query in queries
                    ]
                )
                said.append([[(one.document.id, one.distance) for one in results] for results in found])
    return said


@pytest.fixture(scope="module", params=["closed", "killed"])
def whole(request, tmp_path_factory):
    """A store's directory after a clean close or as a kill would leave it, and what it says."""
    folder = tmp_path_factory.mktemp("whole")
    store = filled(folder / "live")
    if request.param == "closed":
        store.close()
    shutil.copytree(folder / "live", folder / "left")
    store.close()
    shutil.copytree(folder / "left", folder / "asked")
    with opened(folder / "asked") as store:
        said = answers(store)
    return folder / "left", said


def check_index(store):
    """What the index finds is near, whether it was loaded or not."""
    parts = store.store._collections["default"].parts
    if parts.index is None:
        return
    slots = np.flatnonzero(parts.slots.alive[: parts.index.count])[::50]
    found = parts.index.search(parts.vectors.rows(slots), 1, effort=128, selector=parts.selector())
    assert found[:, 0].tolist() == slots.tolist()


def files_of(path):
    return sorted(file.relative_to(path) for file in path.rglob("*") if file.is_file())


def outcome(whole, copy, damage):
    """Return what became of a copy that *damage* was done to: "repaired" or "refused"."""
    left, said = whole
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(left, copy)
    damage(copy)
    for _ in range(2):  # a repair must last
        refusal = None
        try:
            with opened(copy) as store:
                assert answers(store) == said
                check_index(store)
        except CorruptStoreError as error:
            refusal = str(error)
        if refusal is not None:
            assert str(copy) in refusal
            assert "restore" in refusal or "rename" in refusal
            return "refused"
    return "repaired"


def replaced(file, body):
    """Return the damage that gives *file* another *body*; None removes it."""

    def damage(copy):
        if body is None:
            (copy / file).unlink()
        else:
            (copy / file).write_bytes(body)

    return damage


def test_a_store_without_damage_says_the_same_again(whole, tmp_path):
    assert outcome(whole, tmp_path / "copy", lambda _: None) == "repaired"


def test_a_flipped_bit_in_any_file_is_repaired_or_refused(whole, tmp_path):
    random, outcomes = np.random.default_rng(2), {}
    for file in files_of(whole[0]):
        body = (whole[0] / file).read_bytes()
        if not body:
            continue
        for place in {0, len(body) - 1, *random.integers(0, len(body), 2).tolist()}:
            damaged = bytearray(body)
            damaged[place] ^= 1 << int(random.integers(8))
            result = outcome(whole, tmp_path / "copy", replaced(file, damaged))
            outcomes.setdefault(file.name, set()).add(result)
    assert outcomes["vectors-0.f32"] == {"refused"}
    assert outcomes["index-0.faiss"] == outcomes["acknowledged"] == {"repaired"}


def test_a_run_of_zeros_in_any_file_is_repaired_or_refused(whole, tmp_path):
    """As a lost page of the disk reads."""
    random = np.random.default_rng(3)
    for file in files_of(whole[0]):
        body = (whole[0] / file).read_bytes()
        for start in random.integers(0, max(1, len(body) - 4096), 2).tolist():
            damaged = body[:start] + bytes(min(4096, len(body) - start)) + body[start + 4096 :]
            outcome(whole, tmp_path / "copy", replaced(file, damaged))


def test_a_file_that_was_cut_short_or_grew_is_repaired_or_refused(whole, tmp_path):
    for file in files_of(whole[0]):
        body = (whole[0] / file).read_bytes()
        for damaged in {body[: len(body) // 2], b"", body + b"\x01" * 100}:
            result = outcome(whole, tmp_path / "copy", replaced(file, damaged))
            if file.name in CUT and not damaged:
                assert result == "refused"


def test_a_file_that_is_missing_is_repaired_or_refused(whole, tmp_path):
    for file in files_of(whole[0]):
        result = outcome(whole, tmp_path / "copy", replaced(file, None))
        if file.name in CUT:
            assert result == "refused"


def test_a_damaged_collection_does_not_hide_the_others(whole, tmp_path):
    left, said = whole
    copy = tmp_path / "copy"
    shutil.copytree(left, copy)
    (copy / "collections" / "default" / "vectors-0.f32").unlink()
    with opened(copy) as store:
        assert store.list_collections() == ["default", "second"]
        with pytest.raises(CorruptStoreError, match=r"vectors-0\.f32"):
            store.count_documents()
        assert store.count_documents(collection="second") == len(said[-6])
        assert store.delete_collection("default")
        assert store.list_collections() == ["second"]


def test_files_of_two_stores_that_were_mixed_are_refused(whole, tmp_path):
    """The vectors of one collection and the documents of another fit in size, and not in content."""
    left, _ = whole
    for name in ("vectors-0.f32", "documents.sqlite3"):

        def swap(copy, name=name):
            first, second = (copy / "collections" / which / name for which in ("default", "second"))
            body = first.read_bytes()
            first.write_bytes(second.read_bytes())
            second.write_bytes(body)

        # After a kill the log may hold every page of the database, which then does not matter.
        logged = any(file.name.endswith("-wal") for file in files_of(left))
        result = outcome(whole, tmp_path / "copy", swap)
        assert result == "refused" or (logged and name == "documents.sqlite3")


def test_a_snapshot_of_another_collection_is_not_used(whole, tmp_path):
    def copy_index(copy):
        index = copy / "collections" / "default" / "index-0.faiss"
        index.with_name("index-1.faiss").write_bytes(index.read_bytes())
        (copy / "collections" / "second" / index.name).write_bytes(index.read_bytes())

    assert outcome(whole, tmp_path / "copy", copy_index) == "repaired"
