"""Random laws end in time, and say how small what they found is."""

import asyncio

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from pygent_vec_conformance import StoreTarget
from pygent_vec_conformance.catalogue import catalogue
from pygent_vec_conformance.execution import execute
from pygent_vec_conformance.expect import Violation
from pygent_vec_conformance.laws import holds, noted, ruled, tried
from pygent_vec_conformance.outcome import Kind
from pygent_vec_conformance.profile import Profile
from pygent_vec_conformance.world import World

MEMORY = StoreTarget(backend="memory")


def world_of(**options):
    return World(MEMORY, Profile.QUICK, asyncio.Runner(), **options)


def below_a_hundred(number):
    if number >= 100:
        raise Violation(f"{number} is too large")


def text_of(error):
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def test_an_example_is_made_small():
    with pytest.raises(Violation) as caught:
        holds(world_of(), 200, st.integers(0, 10_000), below_a_hundred)
    assert "100 is too large" in text_of(caught.value)


def test_without_shrinking_it_stands_as_found_and_says_so():
    with pytest.raises(Violation) as caught:
        holds(world_of(shrink=False), 200, st.integers(0, 10_000), below_a_hundred)
    assert "--no-shrink" in text_of(caught.value)


def test_what_was_found_is_reported_when_the_time_is_up():
    with pytest.raises(Violation) as caught:
        holds(world_of(deadline=0.0), 200, st.integers(0, 10_000), below_a_hundred)
    assert "is too large" in str(caught.value)
    assert "the time was up" in str(caught.value)


def test_a_failure_that_does_not_come_again_is_reported():
    seen = []

    def once(number):
        seen.append(number)
        if len(seen) == 3:
            raise Violation("this once")

    with pytest.raises(Violation) as caught:
        holds(world_of(), 50, st.integers(), once)
    assert "this once" in str(caught.value)
    assert "not again" in str(caught.value)


def test_a_state_machine_ends_in_time_with_what_it_found():
    world = world_of(deadline=0.0)

    class Counting(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.world = world
            self.count = 0

        @rule(step=st.integers(0, 9))
        @noted
        def count_up(self, step):
            self.count += step
            if self.count > 20:
                raise Violation(f"counted to {self.count}")

    with pytest.raises(Violation) as caught:
        tried(world, lambda: run_state_machine_as_test(Counting, settings=ruled(world, 50)))
    assert "counted to" in str(caught.value)
    assert "the time was up" in str(caught.value)


def test_what_was_found_before_a_hang_is_not_lost():
    def hangs(world):
        world.find(Violation("a wrong answer"))
        world.run(asyncio.sleep(30))

    result = execute(attrs.evolve(catalogue()[0], body=hangs), None, MEMORY, Profile.QUICK, timeout=0.1)
    assert result.kind is Kind.VIOLATION
    assert "a wrong answer" in result.seen
