"""What observing a FAISS store costs its searches: nothing, counters, OpenTelemetry with its SDK."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from bench.claims import claim
from bench.measure import paired, set_aside
from pygent_vec import IndexSpec, SyncVectorStore, VectorBatch, VectorQuery, open_store
from pygent_vec.telemetry import LocalMetrics, OpenTelemetryObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bench.data import Corpus
    from bench.measure import Claim
    from pygent_vec import VectorStore

__all__ = ["measure_telemetry"]

_CALLS = 512
"""As many as the backlog of OpenTelemetry takes at once in a busy program."""


def measure_telemetry(data: Corpus, work: Path, *, rounds: int) -> Iterator[Claim]:
    """Yield what telemetry adds to single searches of one store, measured in turns in one process."""
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(_Nowhere()))
    meters = MeterProvider(metric_readers=[InMemoryMetricReader()])
    counters = LocalMetrics()
    opentelemetry = OpenTelemetryObserver(tracer_provider=tracers, meter_provider=meters)
    with SyncVectorStore(open_store("faiss", path=work / "telemetry")) as store:
        store.create_collection("default", data.vectors.shape[1], index=IndexSpec("hnsw"))
        for start in range(0, len(data.ids), 1000):
            store.add_batch(_batch(data, start))
        store.optimize()
        set_aside()
        bare, off, on, full = _sides(store, data, counters, opentelemetry)
        yield _claim("telemetry.off", off, bare, rounds)
        yield _claim("telemetry.counters", on, off, rounds)
        yield _claim("telemetry.opentelemetry", full, off, rounds)
        off()
    (searches,) = counters.report().operations
    assert searches.calls >= rounds * _CALLS, "the observers heard of no search"
    tracers.shutdown()
    meters.shutdown()


class _Nowhere(SpanExporter):
    """Where the spans go, in the SDK's own thread."""

    def export(self, _: Sequence[object]) -> SpanExportResult:
        """Drop them."""
        return SpanExportResult.SUCCESS


def _sides(
    store: SyncVectorStore, data: Corpus, counters: LocalMetrics, opentelemetry: OpenTelemetryObserver
) -> list[Callable[[], None]]:
    """Return what searches: without asking for observers, with none, with counters, with OpenTelemetry.

    It is one store in all turns: a second one would differ in its memory by more than what is measured.
    """
    queries = [VectorQuery(query_vector=vector) for vector in data.queries[:_CALLS]]
    bare = MethodType(_unobserved, store.store)

    def searches(*observers: object, asks: bool = True) -> Callable[[], None]:
        def call() -> None:
            attributes = vars(store.store)
            attributes["_observers"] = list(observers)
            attributes.pop("search_similar", None)
            if not asks:
                attributes["search_similar"] = bare
            for query in queries:
                store.search_similar(query)
            if opentelemetry in observers:
                opentelemetry.flush()  # what it would do later belongs to this turn

        return call

    return [
        searches(asks=False),
        searches(),
        searches(counters.record),
        searches(opentelemetry),
    ]


def _claim(key: str, ours: Callable[[], None], theirs: Callable[[], None], rounds: int) -> Claim:
    """Compare two sides in CPU time, that of background threads with it."""
    pair = paired(ours, theirs, rounds=rounds, warm_up=5)
    return claim(
        key,
        measured=pair.cpu_ratio,
        spread=pair.cpu_spread,
        detail=f"{pair.ours / _CALLS * 1e6:.1f} against {pair.theirs / _CALLS * 1e6:.1f} µs, "
        f"wall x{pair.ratio:.3f}",
    )


async def _unobserved(store: VectorStore, query: VectorQuery) -> object:
    return await store._searched(query)  # noqa: SLF001  # what `search_similar` does beside asking


def _batch(data: Corpus, start: int) -> VectorBatch:
    part = slice(start, start + 1000)
    return VectorBatch(
        ids=data.ids[part],
        vectors=data.vectors[part],
        contents=data.contents[part],
        metadatas=data.metadatas[part],
    )
