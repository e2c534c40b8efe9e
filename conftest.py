"""What holds for the tests of every member.

Hypothesis has no deadline, and its first run in a fresh clone may be slow. Ctrl-C interrupts the programs
that are tested, also where the run itself was started in the background, which makes a shell ignore it.
"""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("pygent-vec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pygent-vec")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
