"""Spans and metrics of OpenTelemetry, by its semantic conventions for database clients."""

from __future__ import annotations

import weakref
from time import time_ns
from typing import TYPE_CHECKING

import attrs

from pygent_vec._about import __version__
from pygent_vec.errors import ConfigError
from pygent_vec.model import OperationEvent
from pygent_vec.telemetry._backlog import Backlog

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import SpanKind, Status, Tracer, TracerProvider

    from pygent_vec.model import StoreEvent
    from pygent_vec.telemetry._metrics import Observable

__all__ = ["OpenTelemetryObserver", "instrument"]

_SCHEMA = "https://opentelemetry.io/schemas/1.33.0"
_DURATION_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""What the conventions advise for `db.client.operation.duration`, in seconds."""
_NO_SUCH_NAME = {"CollectionNotFoundError", "ConfigError"}
"""Errors after which the collection's name may be anything, and too much for a metric's attribute."""


def instrument(
    source: Observable,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> OpenTelemetryObserver:
    """Tell OpenTelemetry of every call of *source* from now on.

    Args:
        source: A store, or a manager for all of its stores.
        tracer_provider: Who makes spans; None means the process's own.
        meter_provider: Who makes metrics; None means the process's own.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    observer = OpenTelemetryObserver(tracer_provider=tracer_provider, meter_provider=meter_provider)
    source.subscribe(observer)
    return observer


class OpenTelemetryObserver:
    """Makes a span and a measurement of each call, and counts what else happens to stores.

    A call is a span of kind client with its true times, a child of the span that is current where the call
    was made. Spans are made when calls are over, so those of the backend's own driver stand beside them and
    not below; and a moment later, in a thread, so calls hardly wait for it. `flush` does it now, and so does
    the end of the process.

    Metrics are `db.client.operation.duration`, a histogram in seconds, and `pygent_vec.store.events`, a
    counter of retries, timeouts and the like, which are events of the current span too.

    Attributes of all are `db.system.name` (the backend), `db.operation.name`, `db.collection.name`,
    `pygent_vec.store.name` and, for a failed call, `error.type`, as far as they apply.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        try:
            from opentelemetry import context, metrics, trace
        except ImportError as error:
            raise ConfigError(
                "OpenTelemetry is not installed; install it with: pip install 'pygent-vec[otel]'"
            ) from error
        meter = metrics.get_meter("pygent_vec", __version__, meter_provider, _SCHEMA)
        self._backlog = Backlog(
            _Teller(
                tracer=trace.get_tracer("pygent_vec", __version__, tracer_provider, _SCHEMA),
                duration=meter.create_histogram(
                    "db.client.operation.duration",
                    unit="s",
                    description="Duration of database client operations.",
                    explicit_bucket_boundaries_advisory=_DURATION_BOUNDS,
                ),
                kind=trace.SpanKind.CLIENT,
                failed=trace.Status(trace.StatusCode.ERROR),
            ).tell
        )
        self._events = meter.create_counter(
            "pygent_vec.store.events",
            unit="{event}",
            description="What happens to stores beside their calls.",
        )
        self._context = context.get_current
        self._current_span = trace.get_current_span
        weakref.finalize(self, self._backlog.close)  # at the end of the process too

    def __call__(self, event: OperationEvent | StoreEvent) -> None:
        """Tell of one event, in the thread and the context of the call."""
        if isinstance(event, OperationEvent):
            self._backlog.put((event, time_ns(), self._context()))
        else:
            self._happening(event)

    def flush(self) -> None:
        """Hand every call until now to OpenTelemetry."""
        self._backlog.flush()

    def _happening(self, event: StoreEvent) -> None:
        attributes = {"pygent_vec.event": event.kind, "pygent_vec.store.name": event.store}
        if event.operation is not None:
            attributes["db.operation.name"] = event.operation
        if event.error is not None:
            attributes["error.type"] = event.error
        self._events.add(1, attributes)
        self._current_span().add_event(f"pygent_vec.{event.kind}", attributes)


@attrs.frozen(kw_only=True)
class _Teller:
    """Makes the span and the measurement of one call."""

    tracer: Tracer
    duration: Histogram
    kind: SpanKind
    failed: Status

    def tell(self, item: tuple[OperationEvent, int, Context]) -> None:
        """Tell of a call that ended at some nanosecond since 1970, made in a context."""
        event, end, context = item
        attributes = {
            "db.system.name": event.backend,
            "db.operation.name": event.operation,
            "pygent_vec.store.name": event.store,
        }
        if event.error is not None:
            attributes["error.type"] = event.error
        measured = attributes
        name = event.operation
        if event.collection is not None:
            attributes = {**attributes, "db.collection.name": event.collection}
            name = f"{name} {event.collection}"
            if event.error not in _NO_SUCH_NAME:
                measured = attributes
        span = self.tracer.start_span(
            name, context, kind=self.kind, attributes=attributes, start_time=end - int(event.seconds * 1e9)
        )
        if event.error is not None:
            span.set_status(self.failed)
        span.end(end)
        self.duration.record(event.seconds, measured, context)
