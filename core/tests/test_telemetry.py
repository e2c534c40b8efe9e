"""What the calls of stores cost is counted, and told to OpenTelemetry by its conventions."""

import asyncio
import builtins
import math
import os
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from pygent_vec import CollectionNotFoundError, ConfigError, DistanceMetric
from pygent_vec.manager import VectorStoreManager
from pygent_vec.model import OperationEvent, StoreEvent
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.telemetry import LocalMetrics, instrument

from .builders import document, documents, query


def call(seconds=0.001, operation="search_similar", store="memory", error=None, **changes):
    return OperationEvent(
        operation=operation, store=store, backend="memory", seconds=seconds, error=error, **changes
    )


def happening(kind="retry", store="memory", operation="search_similar", **changes):
    return StoreEvent(kind=kind, store=store, operation=operation, **changes)


# ── counters and histograms ──


def test_calls_are_counted_by_store_and_operation_with_their_errors(store):
    metrics = LocalMetrics()
    metrics.observe(store.store)
    store.add_documents(documents(3))
    store.search_similar(query())
    store.search_similar(query())
    with pytest.raises(CollectionNotFoundError):
        store.search_similar(query(collection="absent"))
    report = metrics.report()
    assert [(one.operation, one.calls, one.errors) for one in report.operations] == [
        ("add_documents", 1, {}),
        ("search_similar", 3, {"CollectionNotFoundError": 1}),
    ]
    assert all(0 < one.p50 <= one.p95 <= one.p99 <= one.longest for one in report.operations)
    assert all(one.longest <= one.seconds and one.mean <= one.longest for one in report.operations)


def test_the_stores_of_one_report_are_told_apart():
    metrics = LocalMetrics()
    for store, calls in [("b", 2), ("a", 1)]:
        for _ in range(calls):
            metrics.record(call(store=store))
    assert [(one.store, one.calls) for one in metrics.report().operations] == [("a", 1), ("b", 2)]


@given(st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=200))
def test_a_quantile_is_right_to_an_eighth(seconds):
    metrics = LocalMetrics()
    for one in seconds:
        metrics.record(call(one))
    (statistics,) = metrics.report().operations
    ordered = sorted(seconds)
    for share, told in [(0.50, statistics.p50), (0.95, statistics.p95), (0.99, statistics.p99)]:
        truth = ordered[math.ceil(share * len(ordered)) - 1]
        assert truth / 1.125 <= told <= truth * 1.125
    assert statistics.longest == ordered[-1]
    assert statistics.seconds == pytest.approx(sum(seconds))


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e9])
def test_calls_outside_of_the_buckets_are_counted(seconds):
    metrics = LocalMetrics()
    metrics.record(call(seconds))
    (statistics,) = metrics.report().operations
    assert statistics.calls == 1
    assert statistics.p99 <= statistics.longest == seconds


def test_threads_share_the_counters():
    metrics = LocalMetrics()

    def many():
        for _ in range(2000):
            metrics.record(call(error="BackendError"))

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (statistics,) = metrics.report().operations
    assert (statistics.calls, statistics.errors) == (8000, {"BackendError": 8000})


def test_retries_and_the_like_are_counted_beside_the_calls():
    metrics = LocalMetrics()
    for event in [happening(), happening(), happening("opened", operation=None)]:
        metrics.record(event)
    assert [(one.kind, one.operation, one.count) for one in metrics.report().events] == [
        ("opened", None, 1),
        ("retry", "search_similar", 2),
    ]


def test_a_report_is_json_and_reset_begins_anew():
    metrics = LocalMetrics()
    metrics.record(call(0.5, error="BackendError"))
    metrics.record(happening())
    told = metrics.report().to_dict()
    assert told["operations"][0]["errors"] == {"BackendError": 1}
    assert told["operations"][0]["mean"] == 0.5
    assert told["events"] == [{"store": "memory", "kind": "retry", "operation": "search_similar", "count": 1}]
    metrics.reset()
    assert metrics.report().to_dict() == {"operations": [], "events": []}


def test_a_manager_is_observed_with_stores_that_open_later_and_what_happens_to_them():
    metrics = LocalMetrics()

    async def main():
        async with VectorStoreManager({"stores": {"a": {"backend": "memory"}}}) as manager:
            metrics.observe(manager)
            await manager.add_store("b", "memory")
            for name in ("a", "b"):
                await manager.create_collection("default", 2, store=name)

    asyncio.run(main())
    report = metrics.report()
    calls = [(one.store, one.operation) for one in report.operations]
    assert {("a", "create_collection"), ("b", "create_collection")} <= set(calls)
    assert {("a", "opened"), ("b", "opened"), ("a", "closed")} <= {
        (one.store, one.kind) for one in report.events
    }


# ── OpenTelemetry ──


class Backend:
    """What OpenTelemetry was told of a store."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider(metric_readers=[self.reader])

    def instrument(self, source):
        self.observer = instrument(source, tracer_provider=self.tracers, meter_provider=self.meters)
        return self.observer

    @property
    def spans(self):
        self.observer.flush()
        return self.exporter.get_finished_spans()

    def points(self, name):
        self.observer.flush()
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def told():
    backend = Backend()
    yield backend
    backend.tracers.shutdown()
    backend.meters.shutdown()


def test_a_call_is_a_client_span_with_the_conventional_attributes(store, told):
    told.instrument(store.store)
    store.search_similar(query())
    (span,) = told.spans
    assert span.name == "search_similar default"
    assert span.kind is SpanKind.CLIENT
    assert dict(span.attributes) == {
        "db.system.name": store.store.backend,
        "db.operation.name": "search_similar",
        "db.collection.name": "default",
        "pygent_vec.store.name": store.name,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert 0 < span.end_time - span.start_time < 60e9
    assert span.instrumentation_scope.name == "pygent_vec"


def test_a_failed_call_is_a_span_with_the_error(store, told):
    told.instrument(store.store)
    with pytest.raises(CollectionNotFoundError):
        store.count_documents(collection="absent")
    (span,) = told.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "CollectionNotFoundError"
    assert span.attributes["db.collection.name"] == "absent"


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (lambda store: store.list_collections(), "list_collections"),
        (lambda store: store.create_collection("new", 2), "create_collection new"),
        (lambda store: store.add_documents([document("a", collection="other")]), "add_documents other"),
        (
            lambda store: store.add_documents([document("a"), document("b", collection="other")]),
            "add_documents",
        ),
        (lambda store: store.search_many([query(), query(collection="other")]), "search_many"),
    ],
)
def test_a_span_names_the_collection_where_there_is_one(store, told, use, name):
    store.create_collection("other", 2, DistanceMetric.EUCLIDEAN)
    told.instrument(store.store)
    use(store)
    assert [span.name for span in told.spans] == [name]


def test_a_span_is_a_child_of_the_callers_even_from_a_worker_thread(told):
    async def main():
        async with MemoryStore(MemoryConfig()) as store:
            told.instrument(store)
            with told.tracers.get_tracer("program").start_as_current_span("request"):
                await store.list_collections()

    asyncio.run(main())
    parent, child = told.spans
    assert (child.name, parent.name) == ("list_collections", "request")
    assert child.parent.span_id == parent.context.span_id


def test_durations_are_a_histogram_by_operation_collection_and_error(store, told):
    told.instrument(store.store)
    store.search_similar(query())
    store.search_similar(query())
    for name in ("absent", "gone"):
        with pytest.raises(CollectionNotFoundError):
            store.search_similar(query(collection=name))
    points = told.points("db.client.operation.duration")
    counts = {
        (point.attributes.get("db.collection.name"), point.attributes.get("error.type")): point.count
        for point in points
    }
    assert counts == {("default", None): 2, (None, "CollectionNotFoundError"): 2}
    assert points[0].explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


def test_spans_come_by_themselves_soon(memory, told):
    came = threading.Event()

    class Announced(SimpleSpanProcessor):
        def on_end(self, span):
            super().on_end(span)
            came.set()

    told.tracers.add_span_processor(Announced(told.exporter))
    told.instrument(memory.store)
    memory.list_collections()
    assert came.wait(60)


def end_soon():
    """Have this process killed in a minute: a child that hangs is a failure."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(60)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_does_not_silence_the_spans(memory, told):
    told.instrument(memory.store)
    memory.list_collections()
    told.observer.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # only the forking thread goes on in here
        end_soon()
        with os.fdopen(writer, "w") as pipe:
            told.exporter.clear()
            memory.list_collections()
            for _ in range(6000):
                if told.exporter.get_finished_spans():
                    break
                threading.Event().wait(0.01)
            pipe.write(str(len(told.exporter.get_finished_spans())))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "1"
    os.waitpid(child, 0)


PROGRAM = """
import asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from pygent_vec import open_store
from pygent_vec.telemetry import instrument

async def main():
    async with open_store("memory") as store:
        instrument(store, tracer_provider=provider)
        await store.list_collections()

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name)))
asyncio.run(main())
"""


def test_the_end_of_the_process_loses_no_span():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == "list_collections"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_neither_waits_for_its_parents_locks_nor_does_its_parents_work():
    from pygent_vec.telemetry._backlog import Backlog

    busy, done = threading.Event(), threading.Event()
    worked = []

    def work(item):
        worked.append(item)
        busy.set()
        assert done.wait(60)

    backlog = Backlog(work)
    backlog.put("parent 1")
    assert busy.wait(60)  # the thread is at work now, and holds the lock
    backlog.put("parent 2")
    child = os.fork()
    if child == 0:
        end_soon()
        done.set()
        worked.clear()
        backlog.put("child")
        backlog.close()
        os._exit(0 if worked == ["child"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    done.set()
    backlog.close()
    assert worked == ["parent 1", "parent 2"]


def test_a_full_backlog_makes_its_caller_work_and_loses_nothing(monkeypatch):
    from pygent_vec.telemetry import _backlog

    monkeypatch.setattr(_backlog, "_LIMIT", 10)
    monkeypatch.setattr(_backlog, "_DELAY_SECONDS", 3600)
    done = []
    backlog = _backlog.Backlog(done.append)
    for number in range(15):
        backlog.put(number)
    assert done == [10, 11, 12, 13, 14]
    backlog.close()
    assert sorted(done) == list(range(15))
    backlog.put(15)
    assert done[-1] == 15


def test_a_backlog_is_worked_off_before_its_time_where_many_wait(monkeypatch):
    from pygent_vec.telemetry import _backlog

    monkeypatch.setattr(_backlog, "_DELAY_SECONDS", 3600)
    done = threading.Event()
    backlog = _backlog.Backlog(lambda item: done.set() if item == 599 else None)
    for number in range(600):
        backlog.put(number)
    assert done.wait(60)
    backlog.close()


def test_a_retry_is_counted_and_an_event_of_the_current_span(told, memory):
    observer = told.instrument(memory.store)
    with told.tracers.get_tracer("program").start_as_current_span("request"):
        observer(happening(attempt=1, error="BackendTimeoutError"))
        observer(happening("closed", operation=None))
    (span,) = told.spans
    assert [event.name for event in span.events] == ["pygent_vec.retry", "pygent_vec.closed"]
    points = told.points("pygent_vec.store.events")
    assert {point.attributes["pygent_vec.event"]: point.value for point in points} == {
        "retry": 1,
        "closed": 1,
    }
    (retry,) = [point for point in points if point.attributes["pygent_vec.event"] == "retry"]
    assert retry.attributes["error.type"] == "BackendTimeoutError"


def test_the_stores_of_a_manager_are_told_with_their_names_and_backends(told):
    async def main():
        async with VectorStoreManager({"stores": {"notes": {"backend": "memory"}}}) as manager:
            told.instrument(manager)
            with told.tracers.get_tracer("program").start_as_current_span("request"):
                await manager.create_collection("planets", 2)

    asyncio.run(main())
    (request,) = [span for span in told.spans if span.name == "request"]
    (span,) = [span for span in told.spans if span.name == "create_collection planets"]
    assert (span.attributes["db.system.name"], span.attributes["pygent_vec.store.name"]) == (
        "memory",
        "notes",
    )
    assert span.parent.span_id == request.context.span_id
    assert [event.name for event in request.events] == ["pygent_vec.opened"]


def test_without_opentelemetry_the_error_says_how_to_install_it(memory, monkeypatch):
    plain = builtins.__import__

    def without(name, *rest, **named):
        if name.startswith("opentelemetry"):
            raise ImportError(f"No module named {name!r}")
        return plain(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'pygent-vec\[otel\]'"):
        instrument(memory.store)


def test_importing_telemetry_brings_no_opentelemetry():
    code = "import sys, pygent_vec.telemetry; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_store_that_nobody_observes_makes_no_event(monkeypatch):
    from pygent_vec.contract import _engine

    made = []
    monkeypatch.setattr(_engine, "OperationEvent", lambda **fields: made.append(fields))
    store = MemoryStore(MemoryConfig())
    asyncio.run(store.initialize())
    asyncio.run(store.list_collections())
    assert made == []
    store.subscribe(lambda _: None)
    asyncio.run(store.list_collections())
    assert [event["operation"] for event in made] == ["list_collections"]
