"""The version of the contract that this core enforces."""

from __future__ import annotations

__all__ = ["CONTRACT_VERSION"]

CONTRACT_VERSION = 1
"""Raised when a plugin that was right before would be wrong now."""
