"""`python -m conformance.tests.mutants [WORD…]`: hunt the mutants whose names hold one of the words, or all.

Prints the fate of each that was not killed by a wrong answer, then killed and total. Ends with 1 if one survived.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from .automatic import equivalents
from .everything import fate_of, mutants
from .killing import Fate


def main() -> int:
    """Hunt, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="a part of a mutant's name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--verbose", action="store_true", help="print the killed ones too")
    options = parser.parse_args()
    excused = equivalents()
    names = [
        name
        for name in mutants()
        if name not in excused and (not options.words or any(word in name for word in options.words))
    ]
    fates: dict[Fate, int] = dict.fromkeys(Fate, 0)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for death in pool.map(fate_of, names):
            fates[death.fate] += 1
            if options.verbose or death.fate is not Fate.KILLED:
                sys.stdout.write(f"{death}\n")
                sys.stdout.flush()
    counts = ", ".join(f"{count} {fate.value}" for fate, count in fates.items())
    sys.stdout.write(f"mutants: {counts}, of {len(names)}\n")
    return 1 if fates[Fate.SURVIVED] else 0


if __name__ == "__main__":
    sys.exit(main())
