"""`pygent-vec collections` and `pygent-vec stats`: what a store holds."""

import attrs

from pygent_vec.cli._opening import existing_store
from pygent_vec.cli._options import AsJson, StoreUrl, Traceback
from pygent_vec.cli._output import (
    Cell,
    Column,
    byte_count,
    errors_reported,
    print_json,
    print_line,
    print_table,
)
from pygent_vec.model import CollectionInfo, HealthReport, StoreStats, rfc3339

__all__ = ["collections", "stats"]


def collections(url: StoreUrl, *, as_json: AsJson = False, traceback: Traceback = False) -> None:
    """List the collections of a store.

    Each with its documents, dimension, metric and index. The store must exist; none is made.
    """
    with errors_reported(traceback=traceback):
        with existing_store(url) as store:
            infos = [store.get_collection_info(name) for name in store.list_collections()]
        if as_json:
            print_json({"store": store.name, "collections": [_info_json(info) for info in infos]})
        elif not infos:
            print_line("The store has no collections.")
        else:
            _print_infos(infos)


def stats(url: StoreUrl, *, as_json: AsJson = False, traceback: Traceback = False) -> None:
    """Show the size and the health of a store.

    The store must exist; none is made. What the backend finds wrong is shown with its remedy.
    """
    with errors_reported(traceback=traceback):
        with existing_store(url) as store:
            sizes, health = store.get_stats(), store.health_check()
        if as_json:
            print_json(_stats_json(sizes, health))
        else:
            _print_stats(sizes, health)


def _info_json(info: CollectionInfo) -> dict[str, object]:
    return {
        "name": info.name,
        "document_count": info.document_count,
        "dimension": info.dimension,
        "distance_metric": info.distance_metric.value,
        "index": {"kind": info.index.kind, "options": dict(info.index.options)},
        "metadata": info.metadata,
        "created_at": rfc3339(info.created_at),
    }


def _print_infos(infos: list[CollectionInfo]) -> None:
    columns = [
        Column("Collection"),
        Column("Documents", "right"),
        Column("Dimension", "right"),
        Column("Metric"),
        Column("Index"),
        Column("Created (UTC)"),
    ]
    rows = [
        (
            Cell(info.name, "bold"),
            f"{info.document_count:,}",
            str(info.dimension),
            info.distance_metric.value,
            info.index.kind,
            info.created_at.strftime("%Y-%m-%d %H:%M"),
        )
        for info in infos
    ]
    print_table(columns, rows)


def _stats_json(sizes: StoreStats, health: HealthReport) -> dict[str, object]:
    return {
        "store": sizes.store,
        "backend": sizes.backend,
        "document_count": sizes.document_count,
        "collections": {name: attrs.asdict(one) for name, one in sizes.collections.items()},
        "health": {
            "status": health.status.value,
            "latency_ms": health.latency_ms,
            "version": health.version,
            "problems": [attrs.asdict(one) for one in health.problems],
        },
    }


def _print_stats(sizes: StoreStats, health: HealthReport) -> None:
    style = {"healthy": "green", "degraded": "yellow"}.get(health.status.value, "red")
    print_line(f"Backend    {sizes.backend} {health.version}")
    print_line(f"Health     {health.status.value}, {health.latency_ms:.1f} ms", style=style)
    print_line(f"Documents  {sizes.document_count:,}\n")
    for problem in health.problems:
        print_line(f"Problem: {problem.what}\nRemedy: {problem.remedy}\n", style="yellow")
    columns = [
        Column("Collection"),
        Column("Documents", "right"),
        Column("Dimension", "right"),
        Column("Index"),
        Column("Disk", "right"),
        Column("Memory", "right"),
    ]
    rows = [
        (
            Cell(name, "bold"),
            f"{one.document_count:,}",
            str(one.dimension),
            one.index,
            byte_count(one.disk_bytes),
            byte_count(one.memory_bytes),
        )
        for name, one in sorted(sizes.collections.items())
    ]
    if rows:
        print_table(columns, rows)
