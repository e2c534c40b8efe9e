"""The machinery: what a backend may override, what becomes of its errors, what observers hear."""

import pytest

from pygent_vec import (
    BackendError,
    BackendUnavailableError,
    CollectionNotFoundError,
    HealthStatus,
    InvalidFilterError,
    SyncVectorStore,
    VectorDocument,
    VectorQuery,
)
from pygent_vec.contract import Ping, VectorStore
from pygent_vec.model import Problem
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import AsyncMemoryStore, FailingStore

PUBLIC = [name for name, member in vars(VectorStore).items() if not name.startswith("_") and callable(member)]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_backend_that_overrides_a_public_method_is_refused_where_it_is_defined(name):
    async def mine(self):
        """Do something else."""

    with pytest.raises(TypeError, match=f"Mine.{name} overrides a final method; override the primitives"):
        type("Mine", (MemoryStore,), {name: mine})


def test_a_coroutine_in_a_blocking_store_is_refused_where_it_is_defined():
    async def count(self, spec, pushed):
        return 0

    with pytest.raises(TypeError, match=r"Mine._count must be a plain function; .* subclass VectorStore"):
        type("Mine", (MemoryStore,), {"_count": count})


def test_a_plain_primitive_in_an_async_store_is_refused_where_it_is_defined():
    def count(self, spec, pushed):
        return 0

    with pytest.raises(TypeError, match=r"Mine._count must be a coroutine .* subclass BlockingVectorStore"):
        type("Mine", (AsyncMemoryStore,), {"_count": count})


def test_a_store_without_all_primitives_can_not_be_made():
    class Half(VectorStore):
        backend = "half"

    with pytest.raises(TypeError, match="abstract"):
        Half(MemoryConfig())


def test_a_store_is_called_as_its_backend_or_as_it_is_told():
    assert MemoryStore(MemoryConfig()).name == "memory"
    assert MemoryStore(MemoryConfig(), name="notes").name == "notes"


# ── errors ──


class DriverError(Exception):
    """What a driver raises."""


def opened(store):
    face = SyncVectorStore(store)
    face.initialize()
    face.store.subscribe(lambda _: None)
    face.create_collection("default", 2)
    return face


def test_a_driver_s_error_becomes_a_backend_error_with_its_cause():
    store = opened(FailingStore(MemoryConfig(), failure=DriverError("disk on fire")))
    with pytest.raises(BackendError) as caught:
        store.count_documents()
    assert (
        str(caught.value)
        == "memory.count_documents failed in the backend 'memory': DriverError: disk on fire"
    )
    assert isinstance(caught.value.__cause__, DriverError)
    assert not caught.value.transient


def test_a_backend_names_its_driver_s_errors_in_one_place():
    known = BackendUnavailableError("the server is away; start it")
    store = opened(FailingStore(MemoryConfig(), failure=DriverError("refused"), translation=known))
    with pytest.raises(BackendUnavailableError, match="start it") as caught:
        store.count_documents()
    assert caught.value.transient
    assert isinstance(caught.value.__cause__, DriverError)


def test_the_contract_s_own_errors_pass_as_they_are():
    failure = CollectionNotFoundError("gone meanwhile")
    store = opened(FailingStore(MemoryConfig(), failure=failure, translation=BackendError("other")))
    with pytest.raises(CollectionNotFoundError) as caught:
        store.count_documents()
    assert caught.value is failure


@pytest.mark.parametrize(
    "failure", [StopIteration(), TimeoutError("late"), NotImplementedError(), KeyError("x")]
)
def test_no_other_error_of_a_backend_gets_out(failure):
    store = opened(FailingStore(MemoryConfig(), failure=failure))
    with pytest.raises(BackendError):
        store.count_documents()


def test_an_interruption_is_no_error_of_the_backend():
    store = opened(FailingStore(MemoryConfig(), failure=KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        store.count_documents()
    assert store.list_collections() == ["default"]


# ── health ──


class Sick(MemoryStore):
    answer = None

    def _ping(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "status", "what"),
    [
        (Ping(version="9"), HealthStatus.HEALTHY, None),
        (Ping(version="9", problems=(Problem(what="slow", remedy="wait"),)), HealthStatus.DEGRADED, "slow"),
        (BackendUnavailableError("away"), HealthStatus.UNHEALTHY, "BackendUnavailableError: away"),
        (DriverError("away"), HealthStatus.UNHEALTHY, "DriverError: away"),
    ],
)
def test_health_is_a_report_even_of_a_dead_backend(answer, status, what):
    sick = Sick(MemoryConfig(), name="notes")
    sick.answer = answer
    with SyncVectorStore(sick) as store:
        report = store.health_check()
    assert (report.status, report.store, report.backend) == (status, "notes", "memory")
    assert [problem.what for problem in report.problems] == ([what] if what else [])
    assert all(problem.remedy for problem in report.problems)
    assert report.latency_ms >= 0


# ── observers ──


def test_observers_hear_of_every_finished_call_and_of_its_failure(store):
    events = []
    store.store.subscribe(events.append)
    store.add_documents([VectorDocument(id=str(x), embedding=[x, 0]) for x in range(5)], batch_size=2)
    store.add_documents([VectorDocument(id=str(x), embedding=[x, 0]) for x in range(2)])
    store.search_similar(VectorQuery(query_vector=[0, 0]))
    store.get_document("1")
    with pytest.raises(InvalidFilterError):
        store.count_documents(filter={"a": {"$bad": 1}})
    assert [(event.operation, event.error) for event in events] == [
        ("add_documents", None),
        ("add_documents", None),
        ("search_similar", None),
        ("get_document", None),
        ("count_documents", "InvalidFilterError"),
    ]
    assert {event.store for event in events} == {store.name}
    assert all(event.seconds >= 0 for event in events)


def test_several_observers_hear_the_same(memory):
    first, second = [], []
    memory.store.subscribe(first.append)
    memory.store.subscribe(second.append)
    memory.list_collections()
    assert first == second
    assert len(first) == 1
