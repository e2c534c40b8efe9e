"""No liar ends green: not one that skips, marks, overrides, hangs, cannot be reached or answers nonsense."""

import pytest

from pygent_vec_conformance.outcome import Kind, Outcome
from pygent_vec_conformance.verdict import Status

LIARS = """
import threading
import unittest

import pytest

from pygent_vec.plugin.memory import pygent_vec_backend
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec_conformance import KnownFault, StoreTarget, VectorStoreContract


def target(label, store=MemoryStore):
    make = lambda settings, embedder: store(MemoryConfig(), embedder=embedder)
    return StoreTarget(backend="memory", factory=make, path_setting="", label=label)


class TestHonest(VectorStoreContract):
    target = target("honest")


class TestSkippingFixture(VectorStoreContract):
    @pytest.fixture
    def target(self):
        pytest.skip("no server")


@pytest.mark.skip(reason="not today")
class TestSkipped(VectorStoreContract):
    target = target("skipped")


@pytest.mark.skipif(True, reason="not here")
class TestSkippedIf(VectorStoreContract):
    target = target("skipped if")


@pytest.mark.xfail(reason="it is known")
class TestMarked(VectorStoreContract):
    target = target("marked")


class TestXfailing(VectorStoreContract):
    @pytest.fixture
    def target(self):
        pytest.xfail("it is known")


class TestUnittestSkip(VectorStoreContract):
    @pytest.fixture
    def target(self):
        raise unittest.SkipTest("no server")


class TestAutouseSkip(VectorStoreContract):
    target = target("autouse")

    @pytest.fixture(autouse=True)
    def no(self):
        pytest.skip("no")


class TestPatched(VectorStoreContract):
    target = target("patched")


TestPatched.test_adding_nothing_writes_nothing = lambda self: None


class TestTakenAway(VectorStoreContract):
    target = target("taken away")


TestTakenAway.test_adding_nothing_writes_nothing = None


class TestNoTarget(VectorStoreContract):
    target = "memory"


class TestUnreachable(VectorStoreContract):
    @pytest.fixture
    def target(self):
        raise ConnectionError("no server at localhost:5432")


class Refusing(MemoryStore):
    def _open(self):
        raise ConnectionError("no server at localhost:5432")


class TestRefusing(VectorStoreContract):
    target = target("refusing", Refusing)


class HangingAtOpen(MemoryStore):
    def _open(self):
        threading.Event().wait()


class TestHangingAtOpen(VectorStoreContract):
    target = target("hanging at open", HangingAtOpen)


class HangingAtCount(MemoryStore):
    def _count(self, spec, pushed):
        threading.Event().wait()


class TestHangingAtCount(VectorStoreContract):
    target = target("hanging at count", HangingAtCount)


class Odd(MemoryStore):
    def _write(self, spec, batch, mode, *, preserve_created):
        raise SystemExit(0)


class TestOdd(VectorStoreContract):
    target = target("odd", Odd)


class WrongTypes(MemoryStore):
    def _fetch(self, spec, ids, projection):
        return 42

    def _count(self, spec, pushed):
        return "many"


class TestWrongTypes(VectorStoreContract):
    target = target("wrong types", WrongTypes)


class TestPassingFault(VectorStoreContract):
    target = target("passing fault")
    known_faults = {"test_adding_nothing_writes_nothing": KnownFault(reason="it is said to fail")}


class Broken(MemoryStore):
    def _count(self, spec, pushed):
        return 7


class TestKnownFault(VectorStoreContract):
    target = target("known fault", Broken)
    known_faults = {"test_adding_nothing_writes_nothing": KnownFault(reason="it counts seven, always")}


class AdoptedUnderAnotherName(VectorStoreContract):
    target = target("another name")
"""
GREEN = {"honest", "known fault", "another name"}
FEW = "opens_and_answers or adding_nothing"


@pytest.fixture(scope="module")
def liars(run_pytest):
    return run_pytest(LIARS, ["-k", FEW, "--check-timeout", "1"])


LABELS = (
    *(
        "TestSkippingFixture",
        "skipped",
        "skipped if",
        "marked",
        "TestXfailing",
        "TestUnittestSkip",
        "TestAutouseSkip",
    ),
    *(
        "patched",
        "taken away",
        "TestNoTarget",
        "TestUnreachable",
        "refusing",
        "hanging at open",
        "hanging at count",
    ),
    *("odd", "wrong types", "passing fault"),
)


def test_the_run_of_the_liars_fails(liars):
    code, _, output = liars
    assert code == 1, output


@pytest.mark.parametrize("label", LABELS)
def test_no_liar_ends_green(liars, label):
    _, verdicts, output = liars
    verdict = next((one for name, one in verdicts.items() if name in {label, f"Test{label}"}), None)
    verdict = verdict or _by_class(verdicts, label)
    assert verdict.status is Status.FAILED, output


def _by_class(verdicts, label):
    words = label.title().replace(" ", "")
    found = [one for name, one in verdicts.items() if name == f"Test{words}"]
    assert found, (label, sorted(verdicts))
    return found[0]


@pytest.mark.parametrize("label", sorted(GREEN))
def test_the_honest_ones_are_partial_at_worst(liars, label):
    _, verdicts, output = liars
    assert verdicts[label].status is Status.PARTIAL, output


def test_every_class_of_the_run_has_a_verdict(liars):
    _, verdicts, _ = liars
    assert len(verdicts) == len(LABELS) + len(GREEN)


def test_a_known_fault_is_shown_and_not_green_by_silence(liars):
    _, verdicts, _ = liars
    (fault,) = verdicts["known fault"].of(Outcome.XFAILED)
    assert "it counts seven, always" in fault.message
    assert "VS-230" in fault.message


def test_a_hang_is_a_timeout_that_says_where_it_stands(liars):
    _, verdicts, _ = liars
    (hung,) = verdicts["hanging at count"].of(Outcome.FAILED)
    assert hung.kind is Kind.TIMEOUT
    assert "no end" in hung.seen


def test_a_store_that_cannot_be_opened_is_tried_once(liars):
    _, verdicts, _ = liars
    failed = verdicts["refusing"].of(Outcome.FAILED)
    assert [one.kind for one in failed] == [Kind.ERROR, Kind.HARNESS]
    assert "not tried: the smoke check failed" in failed[1].message
    assert "no server at localhost:5432" in failed[1].message


def test_a_skip_says_what_to_do(liars):
    _, verdicts, _ = liars
    for result in verdicts["TestSkippingFixture"].of(Outcome.FAILED):
        assert "The contract has no skips" in result.message
        assert "no server" in result.message


SLOW = """
from time import sleep

from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec_conformance import StoreTarget, VectorStoreContract

class Slow(MemoryStore):
    def _open(self):
        sleep(0.2)
        super()._open()

class TestSlow(VectorStoreContract):
    target = StoreTarget(
        backend="memory",
        factory=lambda settings, embedder: Slow(MemoryConfig()),
        path_setting="",
        label="slow",
    )
"""


def test_a_limit_for_all_tests_of_a_run_does_not_end_a_check(run_pytest):
    pytest.importorskip("pytest_timeout")
    _, verdicts, output = run_pytest(SLOW, ["-k", "adding_nothing", "--timeout", "0.1"])
    assert verdicts["slow"].count(Outcome.PASSED) == 1, output
