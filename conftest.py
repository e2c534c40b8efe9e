"""Hypothesis, for the tests of every member: no deadline, and the first run in a fresh clone may be slow."""

from hypothesis import HealthCheck, settings

settings.register_profile("pygent-vec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pygent-vec")
