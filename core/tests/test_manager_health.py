"""Health, sizes and events of a manager: everything is reported, nothing hides behind something else."""

import pytest

from pygent_vec import HealthStatus, PluginLoadError
from pygent_vec.errors import BackendError, StoreLockedError
from pygent_vec.model import OperationEvent, StoreEvent
from pygent_vec.plugin import hookimpl

from .manager_support import TWO, StuckStore, UnreliableStore, filled, managed


def test_all_stores_are_checked_and_the_worst_does_not_hide_the_others():
    async def story(manager):
        assert (await manager.health_check()).status is HealthStatus.HEALTHY
        await manager.add_store("bad", UnreliableStore(opening=9, failure=BackendError("down")))
        health = await manager.health_check()
        assert health.status is HealthStatus.DEGRADED
        assert {name: report.status for name, report in health.stores.items()} == {
            "a": "healthy",
            "b": "healthy",
            "bad": "unhealthy",
        }
        (problem,) = health.stores["bad"].problems
        assert problem.what == "BackendError: down"
        assert problem.remedy

    managed(TWO, story)


def test_if_no_store_answers_the_whole_is_unhealthy_and_without_stores_it_is_healthy():
    async def story(manager):
        assert (await manager.health_check()).status is HealthStatus.HEALTHY
        await manager.add_store("locked", UnreliableStore(opening=9, failure=StoreLockedError("held")))
        health = await manager.health_check()
        assert health.status is HealthStatus.UNHEALTHY
        assert "close the store where it is open" in health.stores["locked"].problems[0].remedy

    managed({}, story)


def test_a_store_that_hangs_is_unhealthy_within_the_deadline():
    async def story(manager):
        stuck = StuckStore()
        await manager.add_store("stuck", stuck)
        try:
            health = await manager.health_check(deadline=2)
        finally:
            stuck.release.set()
        assert health.status is HealthStatus.DEGRADED
        assert "BackendTimeoutError" in health.stores["stuck"].problems[0].what

    managed(TWO, story)


def test_sizes_of_all_stores_are_measured_and_errors_stand_beside_them():
    async def story(manager):
        await filled(manager, "a", [1, 2])
        await filled(manager, "b", [3])
        await manager.add_store("bad", UnreliableStore(opening=9, failure=BackendError("down")))
        stats = await manager.get_global_stats()
        assert {name: one.document_count for name, one in stats.stores.items()} == {"a": 2, "b": 1}
        assert stats.document_count == 3
        assert isinstance(stats.errors["bad"], BackendError)

    managed(TWO, story)


class Plugin:
    def __init__(self):
        self.events = []

    @hookimpl
    def pygent_vec_event(self, event):
        self.events.append(event)


def test_a_plugin_sees_the_calls_and_the_life_of_every_store_of_later_ones_too():
    async def story(manager):
        plugin = Plugin()
        await manager.get_store("a")
        manager.register(plugin)
        await manager.add_store("c", "memory")
        for name in ("a", "c"):
            await filled(manager, name, [1])
        await manager.remove_store("c")
        seen = [
            (event.store, getattr(event, "kind", None) or event.operation)
            for event in plugin.events
            if isinstance(event, (OperationEvent, StoreEvent))
        ]
        assert seen == [
            ("a", "create_collection"),
            ("a", "add_documents"),
            ("c", "opened"),
            ("c", "create_collection"),
            ("c", "add_documents"),
            ("c", "closed"),
        ]

    managed(TWO, story)


OBSERVER = """
from pygent_vec.plugin import hookimpl
SEEN = []

@hookimpl
def pygent_vec_event(event):
    SEEN.append(event.store)
"""


def test_an_installed_observer_is_found_by_its_entry_point(site):
    site.install("watch", "fake_watch", source=OBSERVER, group="pygent_vec.observers")

    async def story(manager):
        await manager.get_store("a")
        import fake_watch

        assert fake_watch.SEEN == ["a"]
        assert (await manager.health_check()).status is HealthStatus.HEALTHY

    managed(TWO, story)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("x = 1", "has no hook pygent_vec_event"),
        (
            OBSERVER.replace("pygent_vec_event(event)", "pygent_vec_evnet(event)"),
            "unknown hook 'pygent_vec_evnet'",
        ),
        (OBSERVER.replace("(event)", "(event, other)", 1), "other"),
    ],
    ids=["raises", "empty", "misspelt", "arguments"],
)
def test_a_broken_observer_is_reported_and_nothing_else_suffers(site, source, message):
    site.install(
        "watch", "fake_broken", source=source, group="pygent_vec.observers", distribution="dist-broken"
    )
    site.install("good", "fake_good", source=OBSERVER, group="pygent_vec.observers", distribution="dist-good")

    async def story(manager):
        await filled(manager, "a", [1])
        health = await manager.health_check()
        assert health.status is HealthStatus.DEGRADED
        (problem,) = health.problems
        assert "dist-broken 1.2" in problem.what
        assert message in problem.what
        import fake_good

        assert "a" in fake_good.SEEN

    managed(TWO, story)


def test_an_observer_that_fails_does_not_fail_the_call_and_is_reported(caplog):
    def failing(event):
        raise ValueError("observed too much")

    async def story(manager):
        plugin = Plugin()
        manager.subscribe(failing)
        manager.register(plugin)
        await filled(manager, "a", [1])
        assert len(plugin.events) == 3
        (problem,) = (await manager.health_check()).problems
        assert "observed too much" in problem.what

    managed(TWO, story)
    assert len([record for record in caplog.records if "failed" in record.getMessage()]) == 1


def test_what_is_no_observer_is_refused():
    async def story(manager):
        with pytest.raises(PluginLoadError, match="has no hook pygent_vec_event"):
            manager.register(object())

    managed(TWO, story)
