"""Exact scans, approximate indexes, and the choice between them."""
