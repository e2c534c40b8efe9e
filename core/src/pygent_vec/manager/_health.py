"""Health and sizes of all stores, in parallel and in bounded time."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from pygent_vec.errors import BackendTimeoutError, BackendUnavailableError, StoreLockedError
from pygent_vec.manager._reports import GlobalStats, ManagerHealth
from pygent_vec.model import HealthReport, HealthStatus, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.manager._calls import Calls
    from pygent_vec.manager._slot import Slot
    from pygent_vec.model import StoreStats

__all__ = ["check_all", "measure_all"]


async def check_all(
    slots: Sequence[Slot], calls: Calls, deadline: float, problems: tuple[Problem, ...]
) -> ManagerHealth:
    """Return the report of each store; one that does not answer in time is unhealthy."""
    import asyncio

    reports = await asyncio.gather(*(_checked(slot, calls, deadline) for slot in slots))
    states = {report.status for report in reports}
    if reports and states == {HealthStatus.UNHEALTHY}:
        status = HealthStatus.UNHEALTHY
    elif states <= {HealthStatus.HEALTHY} and not problems:
        status = HealthStatus.HEALTHY
    else:
        status = HealthStatus.DEGRADED
    return ManagerHealth(
        status=status, stores={report.store: report for report in reports}, problems=problems
    )


async def measure_all(slots: Sequence[Slot], calls: Calls, deadline: float) -> GlobalStats:
    """Return the sizes of the stores that answer, and the errors of the others."""
    import asyncio

    async def one(slot: Slot) -> StoreStats | Exception:
        async def work() -> StoreStats:
            return await (await slot.open()).get_stats()

        try:
            return await calls.bounded(deadline, slot.name, "get_stats", work)
        except Exception as error:  # noqa: BLE001  # it is part of the answer
            return error

    answers = await asyncio.gather(*(one(slot) for slot in slots))
    pairs = [(slot.name, answer) for slot, answer in zip(slots, answers, strict=True)]
    return GlobalStats(
        stores={name: answer for name, answer in pairs if not isinstance(answer, Exception)},
        errors={name: answer for name, answer in pairs if isinstance(answer, Exception)},
    )


async def _checked(slot: Slot, calls: Calls, deadline: float) -> HealthReport:
    async def work() -> HealthReport:
        return await (await slot.open()).health_check()

    started = perf_counter()
    try:
        return await calls.bounded(deadline, slot.name, "health_check", work)
    except Exception as error:  # noqa: BLE001  # the report is where this error goes
        return HealthReport(
            store=slot.name,
            backend=slot.backend,
            status=HealthStatus.UNHEALTHY,
            latency_ms=(perf_counter() - started) * 1e3,
            version="unknown",
            problems=(Problem(what=f"{type(error).__name__}: {error}", remedy=_remedy(error)),),
        )


def _remedy(error: Exception) -> str:
    if isinstance(error, BackendTimeoutError):
        return (
            "see whether the backend is overloaded or its network is slow; or allow it more time (deadline)"
        )
    if isinstance(error, BackendUnavailableError):
        return "start the backend, or correct its address; the store opens again by itself"
    if isinstance(error, StoreLockedError):
        return "close the store where it is open; one process at a time may have it"
    return "see the message; the store is tried again with the next call"
