"""How a store is asked for its health."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.errors import PygentVecError
from pygent_vec.model import HealthReport, HealthStatus, Problem

if TYPE_CHECKING:
    from pygent_vec.contract._context import StoreContext

__all__ = ["check"]


async def check(primitives: Primitives, context: StoreContext) -> HealthReport:
    """Return a report; a backend that does not answer is reported, not raised."""
    started = perf_counter()
    try:
        ping = await settle(primitives._ping())  # core drives the primitives
    except Exception as error:  # noqa: BLE001  # the report is where this error goes
        known = error if isinstance(error, PygentVecError) else primitives._translate(error) or error
        status, version = HealthStatus.UNHEALTHY, "unknown"
        problems: tuple[Problem, ...] = (
            Problem(
                what=f"{type(known).__name__}: {known}",
                remedy="see the message; then call health_check again",
            ),
        )
    else:
        status = HealthStatus.DEGRADED if ping.problems else HealthStatus.HEALTHY
        version, problems = ping.version, ping.problems
    return HealthReport(
        store=context.name,
        backend=context.backend,
        status=status,
        latency_ms=(perf_counter() - started) * 1e3,
        version=version,
        problems=problems,
    )
