"""Bounded time and repeated attempts: what is tried again, how often, and what never is."""

import asyncio

import pytest

from pygent_vec import ConfigError, VectorDocument, VectorQuery, WriteError
from pygent_vec.errors import BackendError, BackendTimeoutError, BackendUnavailableError
from pygent_vec.manager import Resilience
from pygent_vec.model import OperationEvent, StoreEvent

from .manager_support import QUERY, QUICK, StuckStore, UnreliableStore, filled, ids, managed

DOCUMENTS = [VectorDocument(id="1", embedding=[1, 0])]


def with_store(story, *, resilience=None, **failures):
    """Run a story with a manager whose only store fails as told."""

    async def whole(manager):
        store = UnreliableStore(**failures)
        await manager.add_store("one", store)
        await manager.create_collection("default", 2, "euclidean")
        return await story(manager, store)

    return managed({"resilience": QUICK if resilience is None else resilience}, whole)


def test_a_search_is_tried_again_after_a_transient_failure_and_every_attempt_is_seen():
    async def story(manager, store):
        events = []
        manager.subscribe(events.append)
        await manager.add_documents(DOCUMENTS)
        assert ids(await manager.search_similar(QUERY)) == ["1"]
        searches = [
            event.error
            for event in events
            if isinstance(event, OperationEvent) and event.operation == "search_similar"
        ]
        assert searches == ["BackendUnavailableError", "BackendUnavailableError", None]
        assert [event for event in events if isinstance(event, StoreEvent)] == [
            StoreEvent(
                kind="retry",
                store="one",
                operation="search_similar",
                attempt=one,
                error="BackendUnavailableError",
            )
            for one in (1, 2)
        ]

    with_store(story, searching=2)


def test_attempts_are_counted_and_the_last_error_is_raised():
    async def story(manager, store):
        with pytest.raises(BackendUnavailableError, match="restarting"):
            await manager.search_similar(QUERY)
        return store.calls["_search"]

    assert with_store(story, searching=99) == 3
    assert with_store(story, searching=99, resilience={**QUICK, "attempts": 5}) == 5
    assert with_store(story, searching=99, resilience={"attempts": 1}) == 1


def test_a_failure_that_is_not_transient_is_not_tried_again():
    async def story(manager, store):
        with pytest.raises(BackendError, match="syntax"):
            await manager.search_similar(QUERY)
        return store.calls["_search"]

    assert with_store(story, searching=1, failure=BackendError("syntax")) == 1


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        (lambda manager: manager.add_documents(DOCUMENTS), 2),
        (lambda manager: manager.update_documents(DOCUMENTS), 2),
        (lambda manager: manager.add_documents(iter(DOCUMENTS)), 2),
        (lambda manager: manager.add_documents(DOCUMENTS, on_conflict="error"), 1),
        (lambda manager: manager.add_documents(DOCUMENTS, on_conflict="skip"), 1),
        (lambda manager: manager.delete_documents(["1"]), 1),
    ],
    ids=["overwrite", "update", "an iterator", "error", "skip", "delete"],
)
def test_only_writes_that_can_be_repeated_are(call, calls):
    async def story(manager, store):
        try:
            await call(manager)
        except BackendUnavailableError:
            assert calls == 1
        return store.calls["_write"] + store.calls["_delete"]

    assert with_store(story, writing=1) == calls


def test_a_write_of_several_batches_is_repeated_as_a_whole():
    class FailsLater(UnreliableStore):
        def _write(self, spec, batch, mode, *, preserve_created):
            if self.calls["_write"] == 1:
                self.left["_write"] = 1
            return super()._write(spec, batch, mode, preserve_created=preserve_created)

    many = [VectorDocument(id=str(x), embedding=[x, 1]) for x in range(20)]

    async def overwriting(manager):
        store = FailsLater()
        await manager.add_store("one", store)
        await manager.create_collection("default", 2)
        assert len(await manager.add_documents(many, batch_size=10)) == 20
        assert store.calls["_write"] == 4

    async def only_new(manager):
        store = FailsLater()
        await manager.add_store("one", store)
        await manager.create_collection("default", 2)
        with pytest.raises(WriteError) as caught:
            await manager.add_documents(many, batch_size=10, on_conflict="error")
        assert len(caught.value.written) == 10

    managed({"resilience": QUICK}, overwriting)
    managed({"resilience": QUICK}, only_new)


def test_a_call_that_takes_too_long_is_given_up_and_the_manager_stays_usable():
    async def story(manager):
        stuck = StuckStore()
        await manager.add_store("stuck", stuck)
        await filled(manager, "good", [1, 2])
        await filled(manager, "stuck", [1, 2])
        events = []
        manager.subscribe(lambda event: events.append(getattr(event, "kind", None)))
        try:
            with pytest.raises(
                BackendTimeoutError, match=r"stuck.search_similar took longer than 0.05 seconds"
            ):
                await manager.search_similar(QUERY, store="stuck")
            assert ids(await manager.search_similar(QUERY, store="good")) == ["1", "2"]
        finally:
            stuck.release.set()
        assert events.count("timeout") == 3
        assert events.count("retry") == 2
        assert ids(await (await manager.get_store("stuck")).search_similar(QUERY)) == ["1", "2"]

    settings = {
        "stores": {"good": {"backend": "memory", "resilience": {}}},
        "resilience": {**QUICK, "timeouts": {"search_similar": 0.05}},
    }
    managed(settings, story)


def test_a_store_may_have_its_own_resilience():
    async def story(manager):
        assert (await manager.search_similar(VectorQuery(query_vector=[1, 1]), store="a")) == []

    settings = {"stores": {"a": {"backend": "memory", "resilience": {"attempts": 1, "timeout": 9}}}}

    async def made(manager):
        await manager.create_collection("default", 2)
        await story(manager)
        assert manager.settings.stores["a"].resilience == Resilience(attempts=1, timeout=9)

    managed(settings, made)


def test_a_caller_that_is_cancelled_leaves_the_store_usable():
    async def story(manager):
        stuck = StuckStore()
        await manager.add_store("stuck", stuck)
        await filled(manager, "stuck", [1])
        asked = asyncio.ensure_future(manager.search_similar(QUERY))
        await asyncio.sleep(0)
        asked.cancel()
        stuck.release.set()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert ids(await manager.search_similar(QUERY)) == ["1"]

    managed({}, story)


@pytest.mark.parametrize(
    ("resilience", "message"),
    [
        ({"timeuot": 3}, "resilience has no setting 'timeuot'; did you mean 'timeout'"),
        ({"timeout": "soon"}, "resilience: timeout='soon' is not valid"),
        ({"timeout": -1}, "timeout=-1.0 is not valid: use 0 or more"),
        ({"attempts": 0}, "attempts=0 is not valid: use 1 or more"),
        ({"timeouts": {"search": 1}}, "timeouts names no operation 'search'; did you mean 'search_many'"),
        ({"timeouts": {"search_similar": -1}}, "use 0 or more seconds"),
        (3, "resilience must be a table of settings"),
    ],
)
def test_resilience_that_makes_no_sense_is_refused(resilience, message):
    with pytest.raises(ConfigError, match=message):
        managed({"resilience": resilience}, None)


def test_what_has_no_limit_of_its_own():
    usual = Resilience(timeouts={"optimize": 9.0})
    assert usual.timeout_of("search_similar") == 60
    assert usual.timeout_of("add_documents") is None
    assert usual.timeout_of("optimize") == 9
    assert Resilience(timeout=0).timeout_of("search_similar") is None
