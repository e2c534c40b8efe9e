"""Instants are exact to the microsecond, and their text sorts as they do."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given

from pygent_vec.model import from_micros, now_micros, rfc3339, rfc3339_from_micros, to_micros

from .strategies import instants

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@given(instants)
def test_an_instant_comes_back_exactly_from_microseconds(instant):
    back = from_micros(to_micros(instant))
    assert back == instant
    assert back.utcoffset() == timedelta(0)
    assert back.microsecond == instant.microsecond


@given(instants)
def test_an_instant_comes_back_exactly_from_its_text(instant):
    text = rfc3339(instant)
    assert datetime.fromisoformat(text) == instant
    assert len(text) == len("2024-02-29T12:00:00.000000Z")
    assert text.endswith("Z")


@given(instants, instants)
def test_the_order_of_texts_is_the_order_of_instants(first, second):
    assert (rfc3339(first) < rfc3339(second)) == (first < second)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (FIRST, "0001-01-01T00:00:00.000000Z"),
        (LAST, "9999-12-31T23:59:59.999999Z"),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "1969-12-31T23:59:59.999999Z"),
        (
            datetime(2024, 2, 29, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2024-02-28T19:30:00.000000Z",
        ),
    ],
)
def test_the_first_the_last_and_other_zones(instant, text):
    assert rfc3339(instant) == text
    assert rfc3339_from_micros(to_micros(instant)) == text


def test_microseconds_count_from_1970():
    assert to_micros(datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)) == 1_000_001
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == -1_000_000


def test_the_present_lies_between_two_readings_of_the_clock():
    before = to_micros(datetime.now(UTC))
    assert before <= now_micros() <= to_micros(datetime.now(UTC))


def test_a_naive_instant_is_refused_with_the_way_to_mend_it():
    with pytest.raises(ValueError, match="no time zone; give an aware datetime"):
        to_micros(datetime(2024, 1, 1))  # noqa: DTZ001  # naive on purpose


@pytest.mark.parametrize(
    "instant",
    [
        FIRST.replace(tzinfo=timezone(timedelta(hours=1))),
        LAST.replace(tzinfo=timezone(timedelta(hours=-1))),
    ],
    ids=["before", "after"],
)
def test_an_instant_outside_of_the_years_1_to_9999_in_utc_is_refused(instant):
    with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
        rfc3339(instant)


@pytest.mark.parametrize("micros", [10**30, -(10**30), to_micros(LAST) + 1, to_micros(FIRST) - 1])
def test_microseconds_outside_of_the_years_are_refused(micros):
    with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
        from_micros(micros)
