"""Trying one check: in a thread and a loop of its own, to an end in time, whatever the backend does."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from contextlib import suppress
from inspect import iscoroutinefunction
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import attrs

from pygent_vec_conformance import refusals
from pygent_vec_conformance.expect import Violation
from pygent_vec_conformance.outcome import CheckResult, Kind, Outcome
from pygent_vec_conformance.world import World

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pygent_vec_conformance.checks import Check
    from pygent_vec_conformance.profile import Profile
    from pygent_vec_conformance.target import StoreTarget

__all__ = ["execute"]

T = TypeVar("T")
_GRACE = 3.0
_FOR_CLOSING = 1.5
"""The time that a check's stores have to close after it failed."""
_FOR_RANDOM_EXAMPLES = 0.8
"""The part of a check's time after which no random example is made smaller."""
_FRAMES = 12
_MORE_TIME = (10, 100)
"""How much longer a check may take in the full and in the soak profile, as it does so much more there."""


@attrs.define
class _Attempt:
    """What the thread of a check tells the thread that waits for it."""

    limit: float
    shrink: bool = True
    world: World | None = None
    refused: str = ""
    error: BaseException | None = None


def execute(
    check: Check,
    case: str | None,
    target: StoreTarget,
    profile: Profile,
    *,
    timeout: float | None = None,
    shrink: bool = True,
) -> CheckResult:
    """Try *check* on *target* and return its result; nothing that the backend does escapes.

    A check that does not end is left behind in its thread. Unless *shrink*, a random example that fails is
    reported as it was found.
    """
    limit = check.timeout * profile.times(1, *_MORE_TIME) if timeout is None else timeout
    attempt, started = _Attempt(limit=limit, shrink=shrink), perf_counter()
    thread = threading.Thread(
        target=_attempt, args=(attempt, check, case, target, profile), daemon=True, name=check.name
    )
    thread.start()
    thread.join(limit + _GRACE)
    if thread.is_alive():
        attempt = _Attempt(limit=limit, world=attempt.world, error=_unended(attempt, thread))
    return _result(check, case, target, attempt, perf_counter() - started)


def _attempt(
    attempt: _Attempt, check: Check, case: str | None, target: StoreTarget, profile: Profile
) -> None:
    deadline = perf_counter() + attempt.limit * _FOR_RANDOM_EXAMPLES
    try:
        with asyncio.Runner() as runner:
            world = World(target, profile, runner, shrink=attempt.shrink, deadline=deadline)
            attempt.world = world
            try:
                try:
                    attempt.refused = _try(world, runner, check, case, attempt.limit)
                except BaseException:
                    with suppress(Exception):  # the check's own failure is told, not what follows from it
                        runner.run(_within(world.finish(), _FOR_CLOSING))
                    raise
                runner.run(_within(world.finish(), attempt.limit))
            finally:
                world.clean()
    except BaseException as error:  # noqa: BLE001  # it is reported by the thread that waits
        attempt.error = error


def _try(world: World, runner: asyncio.Runner, check: Check, case: str | None, limit: float) -> str:
    """Run the check's body, or provoke the refusal of what it needs; return the refusal's text."""
    runner.run(_within(world.start(), limit))
    if not refusals.declared(world, check.needs, case):
        return runner.run(_within(refusals.provoke(world, check.needs, case), limit))
    arguments = (world,) if case is None else (world, case)
    if iscoroutinefunction(check.body):
        runner.run(_within(check.body(*arguments), limit))
    else:
        check.body(*arguments)
    return ""


async def _within(work: Coroutine[object, object, T], limit: float) -> T:
    async with asyncio.timeout(limit):
        return await work


def _result(
    check: Check, case: str | None, target: StoreTarget, attempt: _Attempt, seconds: float
) -> CheckResult:
    steps = attempt.world.trace.lines if attempt.world is not None else ()
    outcome, kind, seen = Outcome.PASSED, Kind.NONE, ""
    if attempt.error is not None:
        outcome, kind, seen = Outcome.FAILED, _kind(attempt.error), _seen(attempt.error)
    elif attempt.refused:
        outcome, seen = Outcome.REFUSED, attempt.refused
    failed = outcome is Outcome.FAILED
    return CheckResult(
        target=target.label,
        check=check.title(case),
        claim=check.claim,
        requirement=check.requirement.id,
        paragraph=check.requirement.paragraph,
        topic=check.topic,
        level=check.requirement.level,
        outcome=outcome,
        kind=kind,
        seconds=seconds,
        message=_message(check, case, target, seen, steps) if failed else seen,
        seen=seen,
        steps=steps if failed else (),
    )


def _kind(error: BaseException) -> Kind:
    if isinstance(error, Violation):
        return Kind.VIOLATION
    return Kind.TIMEOUT if isinstance(error, TimeoutError) else Kind.ERROR


def _seen(error: BaseException) -> str:
    notes = "\n".join(getattr(error, "__notes__", ()))
    if isinstance(error, (Violation, TimeoutError)):
        text = str(error) or "no end in time"
    else:
        frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)[-4:]))
        text = f"{type(error).__name__}: {error}\n{frames}".rstrip()
    return f"{text}\n{notes}".rstrip()


def _message(check: Check, case: str | None, target: StoreTarget, seen: str, steps: tuple[str, ...]) -> str:
    requirement = check.requirement
    lines = [
        f"{requirement.id} ({requirement.paragraph}) is not kept by {target.label!r}: {check.claim}",
        f"  the contract says: {requirement.text}",
        f"  seen: {seen}",
    ]
    if requirement.cause:
        lines.append(f"  the usual cause: {requirement.cause}")
    if steps:
        lines.append("  the steps:")
        lines.extend(f"    {step}" for step in steps)
    lines.append(
        "  try it again: pytest --pyargs pygent_vec_conformance.suite "
        f"--backend {target.backend} -k '{check.title(case)}'"
    )
    return "\n".join(lines)


def _unended(attempt: _Attempt, thread: threading.Thread) -> Exception:
    """Return what is to be said of a check that did not end: what it found before that, if anything."""
    if attempt.world is not None and attempt.world.found is not None:
        error, steps = attempt.world.found
        attempt.world.trace.show(steps)
        return Violation(f"{error}\n  (found at random; then a call did not end within {attempt.limit:g} s)")
    return TimeoutError(f"no end after {attempt.limit:g} s; it stands at\n{_stack(thread)}")


def _stack(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  # documented, in spite of its name
    if frame is None:
        return "(an unknown place)"
    return "".join(traceback.format_stack(frame)[-_FRAMES:])
