"""What `pygent-vec doctor` finds out, and how it shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from pygent_vec.cli._opening import refuse_absent
from pygent_vec.cli._output import (
    Cell,
    Column,
    byte_count,
    print_line,
    print_table,
)
from pygent_vec.config import find_file
from pygent_vec.errors import ConfigError, PygentVecError
from pygent_vec.manager import VectorStoreManager, configured_store, settings_from
from pygent_vec.model import HealthReport, HealthStatus, Problem

if TYPE_CHECKING:
    from pygent_vec.manager import GlobalStats, ManagerHealth, ManagerSettings

__all__ = ["Findings", "examined", "findings_json", "print_findings"]

_STYLES = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


@attrs.frozen(kw_only=True)
class Findings:
    """What was found out about the stores of a configuration.

    Attributes:
        source: Where the configuration is.
        settings: What it says.
        health: With a report of each store.
        stats: The sizes of those that answered.
    """

    source: str
    settings: ManagerSettings
    health: ManagerHealth
    stats: GlobalStats


async def examined(config: Path | None, deadline: float | None) -> Findings:
    """Open every configured store that is there, and return what was found.

    Raises:
        ConfigError: no store is configured, or a setting does not fit.
    """
    settings = settings_from(config)
    found = config or find_file(Path.cwd())
    if not settings.stores:
        raise ConfigError(
            "no store is configured: write a pygent-vec.toml with a table [stores.NAME], or set "
            "PYGENT_VEC_DEFAULT_TYPE"
        )
    absent = {name: report for name in settings.stores if (report := _absent(name, settings)) is not None}
    present = attrs.evolve(
        settings,
        stores={name: store for name, store in settings.stores.items() if name not in absent},
        routes=(),
        default_store=None,
    )
    async with VectorStoreManager(present) as manager:
        health = await manager.health_check(deadline=deadline)
        stats = await manager.get_global_stats(deadline=deadline)
    reports = {**health.stores, **absent}
    states = {report.status for report in reports.values()}
    status = HealthStatus.UNHEALTHY if states == {HealthStatus.UNHEALTHY} else HealthStatus.DEGRADED
    health = attrs.evolve(
        health,
        status=status if absent else health.status,
        stores={name: reports[name] for name in sorted(reports)},
    )
    return Findings(
        source="the environment" if found is None else str(found),
        settings=settings,
        health=health,
        stats=stats,
    )


def _absent(name: str, settings: ManagerSettings) -> HealthReport | None:
    """Return a report if the store is not there yet, so that opening it would make it."""
    try:
        spec, config = configured_store(name, settings.stores[name], settings.base)
    except PygentVecError:
        return None  # the manager reports it
    try:
        refuse_absent(config, name)
    except ConfigError as error:
        problem = Problem(
            what=str(error),
            remedy="correct the path, or let an application make the store by using it",
        )
        return HealthReport(
            store=name,
            backend=spec.name,
            status=HealthStatus.UNHEALTHY,
            latency_ms=0.0,
            version="unknown",
            problems=(problem,),
        )
    return None


def findings_json(findings: Findings) -> dict[str, object]:
    """Return *findings* for machines."""
    settings, health, stats = findings.settings, findings.health, findings.stats
    return {
        "configuration": findings.source,
        "status": health.status.value,
        "problems": [attrs.asdict(one) for one in health.problems],
        "document_count": stats.document_count,
        "stores": {name: _store_json(report, stats) for name, report in health.stores.items()},
        "default_store": settings.default_store,
        "routes": [attrs.asdict(route) for route in settings.routes],
        "resilience": attrs.asdict(settings.resilience),
    }


def _store_json(report: HealthReport, stats: GlobalStats) -> dict[str, object]:
    sizes = stats.stores.get(report.store)
    return {
        "backend": report.backend,
        "status": report.status.value,
        "latency_ms": report.latency_ms,
        "version": report.version,
        "problems": [attrs.asdict(one) for one in report.problems],
        "document_count": None if sizes is None else sizes.document_count,
        "collections": None
        if sizes is None
        else {name: attrs.asdict(one) for name, one in sizes.collections.items()},
    }


def print_findings(findings: Findings) -> None:
    """Show *findings* to a person."""
    health, stats = findings.health, findings.stats
    print_line(f"Configuration  {findings.source}")
    print_line(f"Health         {health.status.value}\n", style=_STYLES[health.status.value])
    columns = [
        Column("Store"),
        Column("Backend"),
        Column("Health"),
        Column("Answer", "right"),
        Column("Documents", "right"),
        Column("Disk", "right"),
    ]
    print_table(columns, [_row(report, stats) for report in health.stores.values()])
    for report in health.stores.values():
        for problem in report.problems:
            _print_problem(problem, f"{report.store}: ")
    for problem in health.problems:
        _print_problem(problem, "")
    if findings.settings.routes:
        columns = [Column("Collections"), Column("Read from"), Column("Written to"), Column("Shadows")]
        print_table(
            columns,
            [
                (route.collection, route.read, ", ".join(route.write), ", ".join(route.shadow))
                for route in findings.settings.routes
            ],
            title="Routes",
        )


def _row(report: HealthReport, stats: GlobalStats) -> tuple[str | Cell, ...]:
    sizes = stats.stores.get(report.store)
    disk = [one.disk_bytes for one in sizes.collections.values()] if sizes else [None]
    known = [one for one in disk if one is not None]
    return (
        Cell(report.store, "bold"),
        f"{report.backend} {'' if report.version == 'unknown' else report.version}".strip(),
        Cell(report.status.value, _STYLES[report.status.value]),
        f"{report.latency_ms:.1f} ms",
        "unknown" if sizes is None else f"{sizes.document_count:,}",
        byte_count(sum(known) if len(known) == len(disk) else None),
    )


def _print_problem(problem: Problem, whose: str) -> None:
    print_line(f"Problem: {whose}{problem.what}\nRemedy: {problem.remedy}\n", style="yellow")
