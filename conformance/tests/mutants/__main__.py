"""`python -m conformance.tests.mutants [WORD…]`: hunt the mutants whose names hold one of the words, or all.

Prints the survivors, then the fates and their total. Ends with 1 if one survived, or if a check that killed also
fails on a right store.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter

from .everything import living
from .killers import killers, remember
from .killing import Death, Fate
from .pack import hunted
from .right import unjust_checks


def main() -> int:
    """Hunt, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="a part of a mutant's name, or a whole one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--verbose", action="store_true", help="print the killed ones too")
    parser.add_argument("--unknown", action="store_true", help="only those whose killer is not known yet")
    parser.add_argument("--forget", action="store_true", help="do not try first what killed before")
    options = parser.parse_args()
    known = {} if options.forget else killers()
    words = options.words
    names = [
        name
        for name in living()
        if (not words or any(word in name for word in words)) and not (options.unknown and name in known)
    ]
    deaths: list[Death] = []
    for death in hunted(names, known, jobs=options.jobs):
        deaths.append(death)
        if options.verbose or death.fate is Fate.SURVIVED:
            sys.stdout.write(f"{death}\n")
            sys.stdout.flush()
        if known.get(death.mutant) != death.check:
            remember([death])
    unjust = unjust_checks(death for death in deaths if death.fate is not Fate.SURVIVED)
    for result in unjust:
        sys.stdout.write(f"{result.check} fails on a right store too ({result.target}): {result.seen}\n")
    fates = Counter(death.fate for death in deaths)
    sys.stdout.write(
        f"mutants: {', '.join(f'{fates[fate]} {fate.value}' for fate in Fate)}, of {len(deaths)}\n"
    )
    return 1 if fates[Fate.SURVIVED] or unjust else 0


if __name__ == "__main__":
    sys.exit(main())
