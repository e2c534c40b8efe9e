"""Moving documents between stores and files, without losing one.

```python
from pygent_vec import open_store
from pygent_vec.transfer import copy

async with open_store("faiss:library") as old, open_store("postgresql:///books") as new:
    report = await copy(old, new, collection="articles")
    assert report.ok
```
"""

from pygent_vec.transfer._copy import copy, copy_all
from pygent_vec.transfer._ends import Chunk, Description, Position, Source, Target
from pygent_vec.transfer._mirror import Mirror
from pygent_vec.transfer._mirroring import mirror
from pygent_vec.transfer._move import move
from pygent_vec.transfer._reports import (
    CopyProgress,
    CopyReport,
    Difference,
    MirrorReport,
    MoveReport,
    Verification,
)
from pygent_vec.transfer._source import StoreSource
from pygent_vec.transfer._target import StoreTarget
from pygent_vec.transfer._verify import verify

__all__ = [
    "Chunk",
    "CopyProgress",
    "CopyReport",
    "Description",
    "Difference",
    "Mirror",
    "MirrorReport",
    "MoveReport",
    "Position",
    "Source",
    "StoreSource",
    "StoreTarget",
    "Target",
    "Verification",
    "copy",
    "copy_all",
    "mirror",
    "move",
    "verify",
]
