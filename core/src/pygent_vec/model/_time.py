"""Instants: aware UTC datetimes outside, integer microseconds since 1970 inside.

The text form is RFC 3339 in UTC with six decimals and `Z`, so that string order is time order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

__all__ = ["from_micros", "now_micros", "rfc3339", "rfc3339_from_micros", "to_micros"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROS_PER_SECOND = 1_000_000


def to_micros(instant: datetime) -> int:
    """Return *instant* as microseconds since 1970, exactly.

    Raises:
        ValueError: *instant* is naive, or outside of the years 1 to 9999 in UTC.
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(
            f"{instant!r} has no time zone; give an aware datetime, such as datetime.now(timezone.utc)"
        )
    micros = (instant - _EPOCH) // _MICROSECOND
    from_micros(micros)
    return micros


@lru_cache(maxsize=1024)  # the documents of a batch share their instants
def from_micros(micros: int) -> datetime:
    """Return the aware UTC datetime of *micros* since 1970.

    Raises:
        ValueError: the instant is outside of the years 1 to 9999.
    """
    try:
        return _EPOCH + timedelta(0, 0, micros)
    except OverflowError as error:
        raise ValueError(f"the instant {micros} µs is outside of the years 1 to 9999 in UTC") from error


def now_micros() -> int:
    """Return the present as microseconds since 1970."""
    return (datetime.now(UTC) - _EPOCH) // _MICROSECOND


def rfc3339(instant: datetime) -> str:
    """Return *instant* as RFC 3339 UTC text with microseconds and `Z`.

    >>> rfc3339(datetime(2024, 2, 29, 12, tzinfo=UTC))
    '2024-02-29T12:00:00.000000Z'

    Raises:
        ValueError: as `to_micros`.
    """
    return rfc3339_from_micros(to_micros(instant))


def rfc3339_from_micros(micros: int) -> str:
    """Return the text form of *micros* since 1970."""
    return from_micros(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")
