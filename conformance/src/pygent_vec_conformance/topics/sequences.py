"""Random sequences of operations leave the store as the contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.topics.filter_laws import ruled

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_STEPS = 30


@check("VS-264", timeout=900)
def any_sequence_of_operations_agrees_with_the_model(world: World) -> None:
    """After any sequence of operations, reopening included, the store holds and finds what a dict would."""
    from pygent_vec_conformance.machine import StoreMachine

    rules = settings(ruled(world, 30), stateful_step_count=_STEPS)
    try:
        run_state_machine_as_test(lambda: StoreMachine(world), settings=rules)  # type: ignore[arg-type]  # it takes a factory too
    except Flaky as error:
        raise expect.Violation(_unstable(world)) from error


def _unstable(world: World) -> str:
    """Return what is known of a failure that did not happen again."""
    if world.trouble is None:
        return "the same sequence of operations ended in two different ways"
    error, steps = world.trouble
    told = "\n    ".join(steps)
    return f"once, and not again with the same operations: {type(error).__name__}: {error}\n    {told}"
