"""The version of this distribution."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
"""The same as in pyproject.toml; a test compares them."""
