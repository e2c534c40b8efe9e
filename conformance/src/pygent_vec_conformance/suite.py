"""The suite without any code: `pytest --pyargs pygent_vec_conformance.suite --backend NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pygent_vec_conformance.contract import VectorStoreContract
from pygent_vec_conformance.pytest_plugin import OPTIONS
from pygent_vec_conformance.selection import selected_target

if TYPE_CHECKING:
    from pygent_vec_conformance.target import StoreTarget

__all__ = ["TestBackend"]


class TestBackend(VectorStoreContract):
    """The contract, tried on what `--backend` or `--target` names."""

    @pytest.fixture
    def target(self, request: pytest.FixtureRequest) -> StoreTarget:
        """Return what the command line names."""
        return selected_target(request.config.stash[OPTIONS])
