"""More collections than a process has descriptors for: Chroma keeps four for each until it is opened anew."""

import resource
import subprocess
import sys

import numpy as np

from pygent_vec import VectorBatch, VectorQuery
from pygent_vec.sync import open_store

DESCRIPTORS = 200
"""Enough for some fourteen indexes."""
COLLECTIONS, ROWS = 24, 1_100
"""More rows than are compared one by one, so that Chroma's graph is asked."""


def test_every_collection_keeps_all_rows(tmp_path):
    in_a_process_of_few_descriptors("fill_and_search", tmp_path)


def test_collections_that_were_deleted_cost_nothing(tmp_path):
    in_a_process_of_few_descriptors("create_and_delete", tmp_path)


def test_threads_that_search_while_chroma_is_opened_anew_get_all_rows(tmp_path):
    in_a_process_of_few_descriptors("search_in_threads", tmp_path)


def in_a_process_of_few_descriptors(task, directory):
    done = subprocess.run(
        [sys.executable, __file__, task, str(directory / "store")],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        preexec_fn=limited,  # this process starts no threads meanwhile
    )
    assert done.returncode == 0, done.stderr


def limited():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def vectors(number):
    return np.random.default_rng(number).standard_normal((ROWS, 4)).astype(np.float32)


def nearest(store, number, row):
    query = VectorQuery(query_vector=vectors(number)[row], limit=1, collection=f"c{number}")
    return store.search_similar(query)[0].document.id


def fill(store, number):
    store.create_collection(f"c{number}", 4)
    ids = [f"d{row}" for row in range(ROWS)]
    store.add_batch(VectorBatch(ids=ids, vectors=vectors(number), collection=f"c{number}"))


def fill_and_search(directory):
    # Files are written at the thousandth row: the others are in Chroma's queue, and easily forgotten.
    with open_store("chromadb", path=directory, sync_threshold=1_000) as store:
        for number in range(COLLECTIONS):
            fill(store, number)
        for _ in range(2):
            for number in range(COLLECTIONS):
                assert nearest(store, number, 0) == "d0", number
                assert nearest(store, number, ROWS - 1) == f"d{ROWS - 1}", number


def create_and_delete(directory):
    with open_store("chromadb", path=directory) as store:
        for number in range(COLLECTIONS):
            fill(store, number)
            assert nearest(store, number, 7) == "d7"
            store.delete_collection(f"c{number}")


def search_in_threads(directory):
    from concurrent.futures import ThreadPoolExecutor

    with open_store("chromadb", path=directory) as store:
        for number in range(COLLECTIONS):
            fill(store, number)
        asked = [number for _ in range(3) for number in range(COLLECTIONS)]
        with ThreadPoolExecutor(8) as pool:
            for number, found in zip(
                asked, pool.map(lambda one: nearest(store, one, ROWS - 1), asked), strict=True
            ):
                assert found == f"d{ROWS - 1}", number


if __name__ == "__main__":
    {one.__name__: one for one in (fill_and_search, create_and_delete, search_in_threads)}[sys.argv[1]](
        sys.argv[2]
    )
