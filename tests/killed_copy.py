"""A copy that ends itself by SIGKILL at a chosen point: `python killed_copy.py SOURCE TARGET CHECKPOINT POINT`."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from pygent_vec import open_store
from pygent_vec.transfer import _checkpoint, _copy, _target, copy

POINTS = (
    "before-the-collection",
    "behind-the-collection",
    "behind-the-first-record",
    "before-a-write",
    "behind-a-write",
    "amid-a-record",
    "behind-a-record",
    "behind-the-last-record",
    "amid-the-comparison",
    "behind-the-comparison",
)
ROWS = 100


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner, name, number, *, before):
    """Die before or behind the call number *number* of a function or coroutine function."""
    original, calls = getattr(owner, name), []

    if asyncio.iscoroutinefunction(original):

        async def replaced(*arguments, **options):
            calls.append(1)
            if before and len(calls) == number:
                die()
            answer = await original(*arguments, **options)
            if len(calls) == number:
                die()
            return answer

    else:

        def replaced(*arguments, **options):
            calls.append(1)
            if before and len(calls) == number:
                die()
            answer = original(*arguments, **options)
            if len(calls) == number:
                die()
            return answer

    setattr(owner, name, replaced)


def arm(point):
    target, checkpoint = _target.StoreTarget, _checkpoint.Checkpoint
    owner, name, number, before = {
        "before-the-collection": (target, "prepare", 1, True),
        "behind-the-collection": (target, "prepare", 1, False),
        "behind-the-first-record": (checkpoint, "record", 1, False),
        "before-a-write": (target, "write", 3, True),
        "behind-a-write": (target, "write", 3, False),
        "amid-a-record": (Path, "replace", 4, True),
        "behind-a-record": (checkpoint, "record", 4, False),
        "behind-the-last-record": (checkpoint, "record", 12, False),
        "amid-the-comparison": (_copy, "compared", 1, True),
        "behind-the-comparison": (_copy, "compared", 1, False),
    }[point]
    at_call(owner, name, number, before=before)


async def main(source, target, checkpoint):
    async with open_store(source) as here, open_store(target) as there:
        await copy(here, there, batch_size=ROWS, checkpoint=Path(checkpoint), names=("source", "target"))


if __name__ == "__main__":
    arm(sys.argv[4])
    asyncio.run(main(*sys.argv[1:4]))
