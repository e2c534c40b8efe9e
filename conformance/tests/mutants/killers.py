"""Which check killed which mutant before, so that the next run tries that one first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .everything import living
from .killing import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .killing import Death

__all__ = ["killers", "remember"]

_TABLE = Path(__file__).with_name("killers.json")


def killers() -> dict[str, str]:
    """Return the title of a check for each mutant; one that is wrong or missing costs time and nothing else."""
    if not _TABLE.exists():
        return {}
    found: dict[str, str] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return found


def remember(deaths: Iterable[Death]) -> None:
    """Write down what killed, and forget mutants that there are no longer."""
    known = killers() | {one.mutant: one.check for one in deaths if one.fate is not Fate.SURVIVED}
    there = set(living())
    kept = {name: known[name] for name in sorted(known) if name in there}
    _TABLE.write_text(f"{json.dumps(kept, indent=0, ensure_ascii=False)}\n", encoding="utf-8")
