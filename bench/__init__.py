"""Benchmarks: what the project claims, measured beside the raw libraries in the same run."""
