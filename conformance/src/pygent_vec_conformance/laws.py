"""Random laws: tried on many values, made small where they fail, and ended in time with what was found.

Making a failing example small takes ten to thirty times as long as finding it. Where the time of a check is
up meanwhile, the smallest example so far is reported, and that it may not be the smallest there is.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Flaky, HypothesisException

from pygent_vec_conformance import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import SearchStrategy

    from pygent_vec_conformance.world import World

__all__ = ["OutOfTime", "holds", "noted", "ruled", "tried"]

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")
_LATE = "the time was up before the example was as small as can be"


class OutOfTime(BaseException):
    """The time of a check is up, and something was found; Hypothesis lets it pass."""


def ruled(world: World, quick: int) -> settings:
    """Return settings under which a run is the same every time, and short when it fails."""
    phases = [Phase.explicit, Phase.generate, Phase.shrink]
    return settings(
        max_examples=world.profile.times(quick),
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=phases if world.shrink else phases[:-1],
        suppress_health_check=list(HealthCheck),
    )


def holds(world: World, quick: int, values: SearchStrategy[T], law: Callable[[T], None]) -> None:
    """Check that *law* raises nothing for any of *values*, of which it is given *quick* in the quick profile.

    Raises:
        Violation: it does not hold, or not every time.
    """

    @ruled(world, quick)
    @given(values)
    def law_holds(value: T) -> None:
        with _noting(world):
            law(value)

    tried(world, law_holds)


def tried(world: World, search: Callable[[], object]) -> None:
    """Let Hypothesis search, and say of what it found how far it was made small.

    Raises:
        Violation: it found something, and the time was up, or it did not happen again.
    """
    try:
        search()
    except (OutOfTime, Flaky) as error:
        late = world.found is not None and perf_counter() > world.deadline
        how = _LATE if late else "once, and not again with the same values"
        raise expect.Violation(_told(world, how)) from error
    except Exception as error:
        if not world.shrink:
            error.add_note("  (the example stands as it was found, which --no-shrink asks for)")
        raise


def noted(rule: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Return a rule of a state machine, which has a `world`, that remembers what it found."""

    @functools.wraps(rule)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        with _noting(self.world):  # type: ignore[attr-defined]  # a machine's
            return rule(self, *args, **kwargs)

    return call  # type: ignore[return-value]  # `self` has a name here


@contextmanager
def _noting(world: World) -> Iterator[None]:
    if world.found is not None and perf_counter() > world.deadline:
        raise OutOfTime
    try:
        yield
    except HypothesisException:
        raise
    except Exception as error:
        world.find(error)
        raise


def _told(world: World, how: str) -> str:
    if world.found is None:
        return f"the same values ended in two different ways ({how})"
    error, steps = world.found
    world.trace.show(steps)
    name = "" if isinstance(error, expect.Violation) else f"{type(error).__name__}: "
    return f"{name}{error}\n  ({how})"
