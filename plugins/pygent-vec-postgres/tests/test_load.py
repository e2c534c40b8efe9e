"""Eight processes of eight tasks each hammer one collection: nothing is lost, nothing deadlocks.

Short by default; PYGENT_VEC_LOAD_SECONDS=60 makes it the long one.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from .hammer import DIMENSION, check
from .harness import Server, made

PROCESSES, TASKS = 8, 8


def test_eight_processes_of_eight_tasks_lose_nothing_and_never_deadlock(server: Server, settings, capsys):
    seconds = float(os.environ.get("PYGENT_VEC_LOAD_SECONDS", "3"))

    async def create() -> None:
        async with made(settings) as store:
            await store.create_collection("default", DIMENSION)

    asyncio.run(create())
    deadlocks = _deadlocks(server)
    script = Path(__file__).with_name("hammer.py")
    children = [
        subprocess.Popen(
            [
                sys.executable,
                str(script),
                json.dumps({"settings": settings, "process": n, "tasks": TASKS, "seconds": seconds}),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    told: dict[str, int] = {}
    calls = 0
    for child in children:
        out, err = child.communicate(timeout=seconds + 120)
        assert child.returncode == 0, err[-3000:]
        said = json.loads(out)
        told |= said["told"]
        calls += said["calls"]
    with capsys.disabled():
        sys.stdout.write(f" {calls} calls in {seconds:g} s ")
    assert calls >= PROCESSES * TASKS
    assert _deadlocks(server) == deadlocks

    async def verify() -> None:
        async with made(settings) as store:
            held = {one.id: check(one) async for one in store.iter_documents()}
        assert {one: version for one, version in held.items() if not one.startswith("shared")} == told

    asyncio.run(verify())


def _deadlocks(server: Server) -> int:
    return server.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
