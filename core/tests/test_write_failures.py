"""When a write fails, what is durable is told."""

import numpy as np
import pytest

from pygent_vec import (
    BackendError,
    DocumentExistsError,
    InvalidVectorError,
    SyncVectorStore,
    VectorBatch,
    WriteError,
)
from pygent_vec.stores import MemoryConfig

from .builders import document, documents, ids
from .doubles import FailingStore


def failing(failure, fails_at):
    store = SyncVectorStore(FailingStore(MemoryConfig(), failure=failure, fails_at=fails_at))
    store.initialize()
    store.create_collection("default", 2)
    return store


def test_the_first_batch_s_failure_is_raised_as_it_is():
    store = failing(OSError("full"), fails_at=0)
    with pytest.raises(BackendError, match="full"):
        store.add_documents(documents(6), batch_size=2)
    assert not list(store.iter_documents())


@pytest.mark.parametrize("kind", [list, iter])
def test_a_later_failure_tells_what_is_durable(kind):
    store = failing(OSError("full"), fails_at=2)
    with pytest.raises(WriteError, match="after 4 documents, which are durable") as caught:
        store.add_documents(kind(documents(7)), batch_size=2)
    assert caught.value.written == ids(4)
    assert isinstance(caught.value.__cause__, BackendError)
    assert isinstance(caught.value.__cause__.__cause__, OSError)
    assert [one.id for one in store.iter_documents()] == ids(4)


def test_a_cut_columnar_batch_tells_what_is_durable_too():
    class Small(FailingStore):
        @property
        def capabilities(self):
            import attrs

            return attrs.evolve(super().capabilities, max_batch=3)

    store = SyncVectorStore(Small(MemoryConfig(), failure=OSError("full"), fails_at=1))
    store.initialize()
    store.create_collection("default", 2)
    with pytest.raises(WriteError) as caught:
        store.add_batch(VectorBatch(ids=ids(7), vectors=np.ones((7, 2))))
    assert caught.value.written == ids(3)


def test_an_iterator_s_later_bad_document_tells_what_is_durable(store):
    flow = (document(number, embedding=[1] if number == 5 else [1, 0]) for number in range(9))
    with pytest.raises(WriteError, match="'5'") as caught:
        store.add_documents(flow, batch_size=2)
    assert caught.value.written == ids(4)
    assert isinstance(caught.value.__cause__, InvalidVectorError)
    assert store.count_documents() == 4


def test_a_later_existing_id_tells_what_is_durable(store):
    store.add_documents([document(3)])
    with pytest.raises(WriteError) as caught:
        store.add_documents(documents(6), batch_size=2, on_conflict="error")
    assert caught.value.written == ["0", "1"]
    assert isinstance(caught.value.__cause__, DocumentExistsError)
    assert [one.id for one in store.iter_documents()] == ["0", "1", "3"]


def test_an_iterator_that_breaks_tells_what_is_durable(store):
    def flow():
        yield from documents(5)
        raise OSError("the source broke")

    with pytest.raises(WriteError, match="the source broke") as caught:
        store.add_documents(flow(), batch_size=2)
    assert caught.value.written == ids(4)
    assert isinstance(caught.value.__cause__, OSError)


def test_an_iterator_that_breaks_before_anything_is_written_raises_its_own_error(store):
    def flow():
        yield document(1)
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"):
        store.add_documents(flow())
    assert store.count_documents() == 0
