"""A process that hunts mutants: one name a line comes in, one fate a line goes out, both as JSON.

A mutant may hang, or grow without an end in a thread that nobody can stop, so its hunter is a process that can be
thrown away: it bounds its memory, and says when it is tired.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from functools import cache
from typing import TYPE_CHECKING, TextIO

import attrs

from pygent_vec_conformance.catalogue import catalogue

from .everything import mutant_named
from .killing import Hunt, checks_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .killing import Death

__all__ = ["MOST_BYTES", "fate_of", "work"]

MOST_BYTES = 3 * 2**30
"""What a process may allocate; a mutant that grows without an end meets MemoryError."""
_MOST_MUTANTS = 60
_MANY_BYTES = 700 * 2**20
"""A process that has held so much at once makes way for a new one."""


def fate_of(name: str, killer: str | None, likely: Sequence[str]) -> tuple[Death, Hunt]:
    """Return what the suite does to a mutant, and the hunt.

    Args:
        name: The mutant's.
        killer: The title of a check that killed it before, to try first.
        likely: Titles of those to try next.
    """
    mutant, hunt = mutant_named(name), _hunt()
    checks = checks_for(mutant.breaks) if mutant.breaks else catalogue()
    return hunt.hunt(mutant, checks, killer=killer, likely=likely), hunt


@cache
def _hunt() -> Hunt:
    return Hunt()


def work(orders: TextIO, answers: TextIO) -> None:
    """Answer *orders* until there are no more."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    for number, line in enumerate(orders, 1):
        order = json.loads(line)
        death, hunt = fate_of(order["name"], order["killer"], order["likely"])
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        tired = hunt.left_behind or number >= _MOST_MUTANTS or held > _MANY_BYTES
        answers.write(f"{json.dumps({**attrs.asdict(death), 'tired': tired})}\n")
        answers.flush()


if __name__ == "__main__":
    # What a mutant prints must not be taken for an answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)
        work(sys.stdin, told)
        told.flush()
        os._exit(0)  # threads that hang would keep the process
