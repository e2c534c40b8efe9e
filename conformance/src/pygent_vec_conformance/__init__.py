"""The conformance suite of pygent-vec: it proves that a backend keeps the VectorStore contract.

```python
from pygent_vec_conformance import StoreTarget, VectorStoreContract

class TestMyStore(VectorStoreContract):
    target = StoreTarget(backend="mystore")
```

Every pytest run imports this package for its plugin, so a name below is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygent_vec_conformance.contract import VectorStoreContract
    from pygent_vec_conformance.outcome import KnownFault
    from pygent_vec_conformance.runner import run
    from pygent_vec_conformance.target import StoreTarget
    from pygent_vec_conformance.verdict import Verdict

__all__ = ["KnownFault", "StoreTarget", "VectorStoreContract", "Verdict", "run"]


def __getattr__(name: str) -> object:
    homes = {
        "KnownFault": "outcome",
        "StoreTarget": "target",
        "VectorStoreContract": "contract",
        "Verdict": "verdict",
        "run": "runner",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
