"""A writer that is killed: what it does at each step follows from a seed, so that its reader knows too.

Run as a program it is a server that imports once and forks for each round: it reads one JSON object a line
from standard input (path, seed, first step, only), and its children write to standard output `begin N` before
and `done N` after each step, and `end` when they are gone.
"""

import json
import os
import sys

import numpy as np

from pygent_vec import F, SyncVectorStore, VectorBatch
from pygent_vec.model import IndexSpec
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore

D = 16
POOL = 1_400
BASE = 1_200
COLLECTION = "default"
GROUPS = 40


def ids_of(numbers):
    return [f"document-{number:04}" for number in numbers]


def base_batch():
    """What the collection holds before the first step: enough for a graph."""
    return batch_of(np.random.default_rng(99), np.arange(BASE))


def batch_of(random, numbers):
    groups = random.integers(0, GROUPS, len(numbers)).tolist()
    stamps = random.integers(0, 1 << 40, len(numbers)).tolist()
    return VectorBatch(
        ids=ids_of(numbers),
        vectors=random.standard_normal((len(numbers), D)).astype(np.float32),
        contents=[f"text {stamp} " + "x" * (stamp % 700) for stamp in stamps],
        metadatas=[{"group": group, "stamp": stamp} for group, stamp in zip(groups, stamps, strict=True)],
    )


def step_of(seed, number, only=None):
    """Return what step *number* does: a name and its argument."""
    random = np.random.default_rng((seed, number))
    names = [
        "write",
        "write",
        "write",
        "write",
        "delete",
        "delete_where",
        "optimize",
        "create",
        "drop",
        "clean",
    ]
    name = only or names[int(random.integers(len(names)))]
    if name in {"write", "clean"}:
        size = int(random.integers(1, 120))
        return name, batch_of(random, np.sort(random.choice(POOL, size, replace=False)))
    if name == "delete":
        return name, ids_of(random.choice(POOL, int(random.integers(1, 60)), replace=False))
    if name == "delete_where":
        return name, int(random.integers(GROUPS))
    return name, f"extra-{int(random.integers(3))}"


def take(store, name, argument):
    """Do one step."""
    if name == "write":
        store.add_batch(argument)
    elif name == "delete":
        store.delete_documents(argument)
    elif name == "delete_where":
        store.delete_where(F("group") == argument)
    elif name == "optimize":
        store.optimize()
    elif name == "create":
        store.create_collection(argument, D, index=IndexSpec("hnsw"), if_exists="ignore")
    elif name == "drop":
        store.delete_collection(argument)


def opened(path, *, background=False):
    return SyncVectorStore(FaissStore(FaissConfig(path=path, background=background)))


def say(text):
    os.write(1, f"{text}\n".encode())


def run(job):
    number = job["first"]
    while True:
        store = opened(job["path"], background=bool(number % 2))
        store.initialize()
        while True:
            name, argument = step_of(job["seed"], number, job["only"])
            say(f"begin {number}")
            if name == "clean":
                store.add_batch(argument)
                store.close()
            else:
                take(store, name, argument)
            say(f"done {number}")
            number += 1
            if name == "clean":
                break


def serve():
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                run(json.loads(line))
            except BaseException as error:  # noqa: BLE001  # the reader must see it, whatever it is
                say(f"failed {type(error).__name__}: {error}")
            os._exit(1)
        say(f"pid {child}")
        os.waitpid(child, 0)
        say("end")


if __name__ == "__main__":
    serve()
