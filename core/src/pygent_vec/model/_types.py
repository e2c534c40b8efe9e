"""The array and JSON types that the signatures of pygent-vec use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Float32Matrix",
    "Float32Vector",
    "Float64Vector",
    "Int64Vector",
    "JsonObject",
    "JsonValue",
    "Metadata",
]

Float32Vector: TypeAlias = "NDArray[np.float32]"
"""Shape `[d]`."""
Float32Matrix: TypeAlias = "NDArray[np.float32]"
"""Shape `[n, d]`, C-contiguous."""
Float64Vector: TypeAlias = "NDArray[np.float64]"
"""Shape `[n]`."""
Int64Vector: TypeAlias = "NDArray[np.int64]"
"""Shape `[n]`."""
JsonValue: TypeAlias = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
"""A value that JSON can hold; what the documents of a store may carry."""
JsonObject: TypeAlias = dict[str, JsonValue]
"""Metadata as a store keeps it."""
Metadata: TypeAlias = Mapping[str, object]
"""What a caller may give as metadata; checked and copied to a `JsonObject` at the door."""
