"""created_at and updated_at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import InvalidDocumentError, VectorBatch, VectorDocument
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec_conformance.world import World

_GIVEN = datetime(2001, 2, 3, 4, 5, 6, 789_123, tzinfo=UTC)
_LATER = datetime(2011, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_SLACK = timedelta(seconds=2)


def _document(
    one: str = "a", created: datetime | None = None, updated: datetime | None = None, n: int = 0
) -> VectorDocument:
    return VectorDocument(
        id=one, embedding=[1, 2, 3, n], metadata={"n": n}, created_at=created, updated_at=updated
    )


async def _times(world: World, one: str = "a") -> tuple[datetime, datetime]:
    found = await world.store.get_document(one)
    if found is None or found.created_at is None or found.updated_at is None:
        raise expect.Violation(f"the document {one!r} or its timestamps are missing: {found}")
    for name, instant in (("created_at", found.created_at), ("updated_at", found.updated_at)):
        expect.equal(instant.utcoffset(), timedelta(0), f"the UTC offset of {name}")
    return found.created_at, found.updated_at


def _is_now(instant: datetime, what: str) -> None:
    expect.that(
        abs(datetime.now(UTC) - instant) < _SLACK + timedelta(seconds=60), f"{what} is {instant}, not now"
    )


@check("VS-111")
async def the_store_sets_the_timestamps(world: World) -> None:
    """Without timestamps of its own a new document gets the time of the write for both."""
    await world.collection()
    before = datetime.now(UTC)
    await world.store.add_documents([_document()])
    created, updated = await _times(world)
    after = datetime.now(UTC)
    for name, instant in (("created_at", created), ("updated_at", updated)):
        fine = before - _SLACK <= instant <= after + _SLACK
        expect.that(fine, f"{name} is {instant}; the write was between {before} and {after}")


@check("VS-111")
async def a_given_created_at_is_kept_at_the_first_write(world: World) -> None:
    """A created_at given at the first write is kept to the microsecond; a given updated_at is not."""
    await world.collection()
    await world.store.add_documents([_document(created=_GIVEN, updated=_GIVEN)])
    created, updated = await _times(world)
    expect.equal(created, _GIVEN, "created_at")
    _is_now(updated, "updated_at")


@check("VS-111")
async def created_at_survives_overwrites_and_updates(world: World) -> None:
    """Overwriting, updating and skipping keep the first created_at, also against a given one."""
    await world.collection()
    await world.store.add_documents([_document(created=_GIVEN)])
    await world.store.add_documents([_document(n=1)])
    expect.equal((await _times(world))[0], _GIVEN, "created_at after an overwrite")
    await world.store.add_documents([_document(created=_LATER, n=2)])
    expect.equal((await _times(world))[0], _GIVEN, "created_at after an overwrite with another one")
    await world.store.update_documents([_document(created=_LATER, n=3)])
    expect.equal((await _times(world))[0], _GIVEN, "created_at after an update with another one")
    await world.store.add_documents([_document(created=_LATER, n=4)], on_conflict="skip")
    expect.equal((await _times(world))[0], _GIVEN, "created_at after a skip")
    await world.store.delete_documents(["a"])
    await world.store.add_documents([_document(created=_LATER)])
    expect.equal((await _times(world))[0], _LATER, "created_at of a document that was deleted and came back")


@check("VS-112")
async def updated_at_is_the_last_write(world: World) -> None:
    """Each write sets updated_at, later than or equal to the one before; reading does not."""
    await world.collection()
    await world.store.add_documents([_document(), _document("b")])
    _, first = await _times(world)
    await world.store.add_documents([_document(n=1)])
    _, second = await _times(world)
    expect.that(second > first, f"updated_at went from {first} to {second} by an overwrite")
    await world.store.update_documents([_document(n=2)])
    _, third = await _times(world)
    expect.that(third > second, f"updated_at went from {second} to {third} by an update")
    await world.store.add_documents([_document(n=3)], on_conflict="skip")
    await world.store.get_documents(["a", "b"])
    expect.equal((await _times(world))[1], third, "updated_at after a skip and a read")
    expect.that((await _times(world, "b"))[1] <= second, "updated_at of another document moved")


@check("VS-113")
async def preserving_keeps_both_timestamps(world: World) -> None:
    """preserve_timestamps=True keeps both as given, at the first write and at an overwrite."""
    await world.collection()
    await world.store.add_documents([_document(created=_GIVEN, updated=_LATER)], preserve_timestamps=True)
    expect.equal(await _times(world), (_GIVEN, _LATER), "timestamps of a new document")
    await world.store.add_documents([_document(created=_LATER, updated=_GIVEN)], preserve_timestamps=True)
    expect.equal(await _times(world), (_LATER, _GIVEN), "timestamps of an overwritten document")
    await world.store.add_documents([_document("mixed", created=_GIVEN)], preserve_timestamps=True)
    created, updated = await _times(world, "mixed")
    expect.equal(created, _GIVEN, "created_at, given alone")
    _is_now(updated, "updated_at, not given")
    await world.store.add_documents([_document(n=9)])
    created, updated = await _times(world)
    expect.equal(created, _LATER, "created_at after an ordinary overwrite")
    _is_now(updated, "updated_at after an ordinary overwrite")


@check("VS-113")
async def columns_may_preserve_both_timestamps_too(world: World) -> None:
    """add_batch keeps given created_at and updated_at with preserve_timestamps, else created_at only."""
    await world.collection()
    micros = [int(one.timestamp() * 1_000_000) for one in (_GIVEN, _LATER)]
    for preserve in (True, False):
        one = f"preserve {preserve}"
        batch = VectorBatch(
            ids=[one],
            vectors=world.vectors(1),
            created_at=np.array(micros[:1], dtype=np.int64),
            updated_at=np.array(micros[1:], dtype=np.int64),
        )
        await world.store.add_batch(batch, preserve_timestamps=preserve)
        created, updated = await _times(world, one)
        expect.that(
            abs(created - _GIVEN) <= timedelta(microseconds=1), f"created_at is {created}, not {_GIVEN}"
        )
        kept = abs(updated - _LATER) <= timedelta(microseconds=1)
        expect.equal(kept, preserve, f"whether updated_at {updated} is the given one")


async def _round_trip(world: World, instants: Sequence[datetime]) -> None:
    await world.collection()
    documents = [_document(f"t{n:02}", created=one, updated=one) for n, one in enumerate(instants)]
    await world.store.add_documents(documents, preserve_timestamps=True)
    for document, instant in zip(documents, instants, strict=True):
        created, updated = await _times(world, document.id)
        expect.equal((created, updated), (instant.astimezone(UTC),) * 2, f"the timestamps given as {instant}")


@check("VS-114")
async def timestamps_are_exact_to_the_microsecond(world: World) -> None:
    """Every microsecond round-trips, in this century and in others."""
    instants = [
        datetime(2024, 2, 29, 12, 0, 0, micro, tzinfo=UTC) for micro in (0, 1, 499_999, 500_500, 999_999)
    ]
    instants += [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(1583, 1, 1, 0, 0, 0, 123_457, tzinfo=UTC),
        datetime(2262, 4, 12, 0, 0, 0, 7, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    await _round_trip(world, instants)


@check("VS-114")
async def timestamps_of_other_zones_are_the_same_instants(world: World) -> None:
    """Aware datetimes of any zone come back as the same instant in UTC."""
    zones = [
        timezone(timedelta(hours=hours, minutes=minutes))
        for hours, minutes in ((5, 30), (-8, 0), (14, 0), (0, 1))
    ]
    await _round_trip(world, [datetime(2020, 6, 1, 0, 30, 15, 654_321, tzinfo=zone) for zone in zones])


@check("VS-115")
async def a_naive_timestamp_is_refused(world: World) -> None:
    """A datetime without a zone is InvalidDocumentError that names id and field; nothing is written."""
    await world.collection()
    naive = datetime(2020, 1, 1)  # noqa: DTZ001  # naive on purpose
    for field, document in (
        ("created_at", _document(created=naive)),
        ("updated_at", _document(updated=naive)),
    ):
        call = world.store.add_documents([document], preserve_timestamps=True)
        error = await expect.raises(InvalidDocumentError, call, f"a naive {field}")
        expect.that(field in str(error) and "'a'" in str(error), f"id or field are not named: {error}")
    expect.equal(await world.store.count_documents(), 0, "documents afterwards")
