"""What a check says of what it saw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import numpy as np
    from numpy.typing import NDArray

    from pygent_vec import VectorDocument

__all__ = ["Violation", "equal", "raises", "same_json", "same_vector", "that", "whole"]

E = TypeVar("E", bound=BaseException)
_SHOWN = 400


class Violation(AssertionError):  # noqa: N818  # a finding of the suite, not an error of it
    """The backend's answer breaks the contract; the text says what was seen."""


def that(holds: bool, seen: str) -> None:  # noqa: FBT001  # a condition
    """Raise `Violation` with what was *seen* unless the condition *holds*."""
    if not holds:
        raise Violation(seen)


def equal(seen: object, wanted: object, what: str) -> None:
    """Raise `Violation` unless *seen* equals *wanted* and is of its type."""
    if type(seen) is not type(wanted) or seen != wanted:
        raise Violation(f"{what}: {_shown(seen)}; the contract wants {_shown(wanted)}")


def same_json(seen: object, wanted: object, what: str) -> None:
    """Raise `Violation` unless two JSON values agree in every type and every bit of every float."""
    try:
        left = json.dumps(seen, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise Violation(f"{what}: {_shown(seen)} is not plain JSON ({error})") from error
    if left != json.dumps(wanted, sort_keys=True):
        raise Violation(f"{what}: {_shown(seen)}; the contract wants {_shown(wanted)}")


def whole(document: VectorDocument) -> str:
    """Return all of a document as text: every type, every bit, the order of keys aside."""
    return json.dumps(document.to_dict(), sort_keys=True)


def same_vector(seen: object, wanted: NDArray[np.float32], what: str, *, exact: bool) -> None:
    """Raise `Violation` unless a float32 vector came back bit for bit, or within 1e-6 of its norm."""
    import numpy as np

    if not isinstance(seen, np.ndarray) or seen.dtype != np.float32 or seen.shape != wanted.shape:
        kind = getattr(seen, "dtype", type(seen).__name__)
        raise Violation(f"{what}: got {kind} {getattr(seen, 'shape', '')}; wanted float32 {wanted.shape}")
    if exact:
        if seen.tobytes() != wanted.tobytes():
            raise Violation(
                f"{what}: {_shown(seen.tolist())}; wanted, bit for bit, {_shown(wanted.tolist())}"
            )
        return
    error = float(np.linalg.norm(seen.astype(np.float64) - wanted.astype(np.float64)))
    norm = float(np.linalg.norm(wanted.astype(np.float64)))
    if error > 1e-6 * norm:
        raise Violation(f"{what}: is off by {error:.3g}, more than 1e-6 of its norm {norm:.3g}")


async def raises(error: type[E] | tuple[type[E], ...], call: Awaitable[object], what: str) -> E:
    """Return the error of the class *error* that *call* raises.

    Raises:
        Violation: *call* returned, or raised something else.
    """
    classes = error if isinstance(error, tuple) else (error,)
    wanted = " or ".join(one.__name__ for one in classes)
    try:
        answer = await call
    except classes as raised:
        return raised
    except Exception as raised:
        raise Violation(f"{what}: raised {type(raised).__name__}: {raised}; wanted {wanted}") from raised
    raise Violation(f"{what}: returned {_shown(answer)}; wanted {wanted}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
