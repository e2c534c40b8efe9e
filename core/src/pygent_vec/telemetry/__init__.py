"""What the calls of stores cost: counters and histograms in process, spans and metrics of OpenTelemetry.

```python
from pygent_vec.telemetry import LocalMetrics, instrument

metrics = LocalMetrics()
metrics.observe(store)  # or a manager: all of its stores
instrument(store)       # needs pygent-vec[otel]
```

A store that nobody observes measures nothing.
"""

from pygent_vec.telemetry._metrics import (
    EventCount,
    LocalMetrics,
    MetricsReport,
    Observable,
    OperationStatistics,
)
from pygent_vec.telemetry._opentelemetry import OpenTelemetryObserver, instrument

__all__ = [
    "EventCount",
    "LocalMetrics",
    "MetricsReport",
    "Observable",
    "OpenTelemetryObserver",
    "OperationStatistics",
    "instrument",
]
