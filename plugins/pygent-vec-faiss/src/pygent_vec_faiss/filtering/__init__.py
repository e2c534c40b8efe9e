"""Filters over typed columns in memory."""
