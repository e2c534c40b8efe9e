"""Live migration: a collection that is in use is filled into another store, and kept the same there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import CollectionMismatchError, ConfigError
from pygent_vec.transfer._mirror import Mirror
from pygent_vec.transfer._move import check_rate
from pygent_vec.transfer._source import StoreSource
from pygent_vec.transfer._target import StoreTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygent_vec.manager import VectorStoreManager
    from pygent_vec.transfer._reports import CopyProgress

__all__ = ["mirror"]

_ROWS = 500


async def mirror(
    manager: VectorStoreManager,
    src: str,
    dst: str,
    *,
    collection: str | None = None,
    replace: bool = False,
    batch_size: int = _ROWS,
    rate_limit: float | None = None,
    on_progress: Callable[[CopyProgress], None] | None = None,
) -> Mirror:
    """Make a collection the same in another store while it is in use, and keep it so.

    From now on each write through *manager* returns when *dst* has taken it over from *src*, documents,
    deletions and timestamps. The documents that are there already follow batch by batch; a write waits for
    the batch that is under way. Then both sides are compared. Reads stay with *src* until `Mirror.cut_over`.

    Every writer must write through *manager*. After a crash, call it again with `replace=True`.

    Args:
        manager: An open manager with both stores.
        src: The name of the store where the collection is.
        dst: The name of the store that is to mirror it.
        collection: Its name; None is the default collection of *src*.
        replace: Whether *dst* may have documents of it already; those that *src* lacks are deleted there.
        batch_size: Documents of a batch.
        rate_limit: The most documents a second, of those that are there already.
        on_progress: Called after each batch.

    Raises:
        CollectionNotFoundError: *src* has no such collection.
        CollectionMismatchError: *dst* has one of another dimension or metric, or with documents, and
            *replace* does not say that they may go.
        ConfigError: the collection is not in *src* by its route, or is mirrored already.
        BackendError, WriteError: as the stores raise them; the mirror is stopped then.
    """
    check_rate(rate_limit)
    source = StoreSource(await manager.get_store(src), collection, batch_size=batch_size, name=src)
    target = StoreTarget(await manager.get_store(dst), source.collection, on_conflict="overwrite", name=dst)
    _check_route(manager, src, dst, source.collection)
    description = await source.describe()
    there = await target.check(description)
    if there is not None and there.document_count and not replace:
        raise CollectionMismatchError(
            f"{target.label} has {there.document_count} documents already; delete them, or pass replace=True "
            "to make it the same as the source"
        )
    await target.prepare(description, resumed=False)
    made = Mirror(manager, source, target, rate_limit=rate_limit, on_progress=on_progress)
    await made.begin()
    try:
        await made.fill()
        await made.verify()
    except BaseException:
        made.stop()
        raise
    return made


def _check_route(manager: VectorStoreManager, src: str, dst: str, collection: str) -> None:
    route = manager.explain_route(collection)
    if route.read != src or route.write != (src,) or dst in route.shadow:
        raise ConfigError(
            f"{collection!r} is read from {route.read!r} and written to "
            f"{', '.join(route.write + route.shadow)} "
            f"({route.reason}); to mirror it from {src!r} to {dst!r}, it must be in {src!r} alone"
        )
