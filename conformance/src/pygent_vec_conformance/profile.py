"""How much a run does."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Profile"]


class Profile(StrEnum):
    """Quick for every push, full before a release, soak for a night."""

    QUICK = "quick"
    FULL = "full"
    SOAK = "soak"

    def includes(self, least: Profile) -> bool:
        """Return whether a run of this profile has the checks of the profile *least*."""
        order = list(Profile)
        return order.index(self) >= order.index(least)

    def times(self, quick: int, full: int | None = None, soak: int | None = None) -> int:
        """Return how often something is repeated; full is ten times quick, soak ten times full."""
        full = quick * 10 if full is None else full
        return {Profile.QUICK: quick, Profile.FULL: full, Profile.SOAK: soak or full * 10}[self]
