"""Random sequences of operations leave the store as the contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from pygent_vec_conformance.checks import check
from pygent_vec_conformance.laws import ruled, tried

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_STEPS = 30


@check("VS-264", timeout=900)
def any_sequence_of_operations_agrees_with_the_model(world: World) -> None:
    """After any sequence of operations, reopening included, the store holds and finds what a dict would."""
    from pygent_vec_conformance.machine import StoreMachine

    rules = settings(ruled(world, 30), stateful_step_count=_STEPS)
    tried(world, lambda: run_state_machine_as_test(lambda: StoreMachine(world), settings=rules))  # type: ignore[arg-type]  # it takes a factory too
