"""Deliberately broken stores: the suite's own test. A mutant that survives is a check that is missing."""
