"""Folders of LangChain's FAISS store: `index.faiss` with the vectors, `index.pkl` with the documents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from pygent_vec.errors import ConfigError, CorruptStoreError, shown
from pygent_vec.model import DistanceMetric, VectorBatch
from pygent_vec.transfer import Chunk, Description
from pygent_vec_faiss.inert import Docstore, Document, load_inert
from pygent_vec_faiss.search.library import faiss

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from pygent_vec.transfer import Position
    from pygent_vec.transfer.files import ReadOptions, Rejections

__all__ = ["LangChainSource"]

_EXACT = ("IndexFlat", "IndexFlatL2", "IndexFlatIP", "IndexHNSWFlat", "IndexIVFFlat")


@attrs.frozen(kw_only=True, eq=False)
class _Folder:
    """What a folder holds.

    Attributes:
        index: The FAISS index.
        ids: The document of each of its rows.
        documents: The documents by id.
    """

    index: Any
    ids: Sequence[str]
    documents: Mapping[str, Document]


class LangChainSource:
    """The documents of a folder that `FAISS.save_local` wrote, in the order of the index.

    The pickle is read without running anything that is in it. Its documents are in memory at once, as the
    format wants it; the vectors are not, where FAISS can map the index.

    Args:
        place: The folder; or its file `….faiss`, where that is not called `index.faiss`.
        options: How many documents are read together.
        rejections: What takes note of vectors without a document.
    """

    def __init__(self, place: str, options: ReadOptions, rejections: Rejections) -> None:
        path = Path(place).expanduser()
        self._index = path if path.suffix == ".faiss" else path / "index.faiss"
        self._pickle = self._index.with_suffix(".pkl")
        self._place = place
        self._rows = options.batch_rows
        self._rejections = rejections
        self._folder: _Folder | None = None
        self._notes: list[str] = []

    @property
    def label(self) -> str:
        """The folder."""
        return f"langchain:{self._place}"

    @property
    def notes(self) -> Sequence[str]:
        """Whether the vectors are those that were given to LangChain."""
        return tuple(self._notes)

    async def describe(self) -> Description:
        """Return the index's dimension and metric.

        Raises:
            ConfigError: there is no such folder, or its pickle names what it should not.
            CorruptStoreError: one of its files is damaged, or they do not belong together.
        """
        folder = await self._opened()
        metrics = {
            faiss.METRIC_L2: DistanceMetric.EUCLIDEAN,
            faiss.METRIC_INNER_PRODUCT: DistanceMetric.DOT_PRODUCT,
            faiss.METRIC_L1: DistanceMetric.MANHATTAN,
        }
        return Description(
            collection="",
            dimension=folder.index.d,
            metric=metrics.get(folder.index.metric_type),
            count=len(folder.ids),
        )

    async def fingerprint(self) -> str | None:
        """Return the sizes and times of both files."""
        await self._opened()
        states = [path.stat() for path in (self._index, self._pickle)]
        return " ".join(f"{one.st_size} {one.st_mtime_ns}" for one in states)

    async def chunks(self, after: Position = None) -> AsyncGenerator[Chunk, None]:
        """Yield the documents behind a row of the index."""
        folder = await self._opened()
        for start in range(int(after or 0), len(folder.ids), self._rows):
            ids = folder.ids[start : start + self._rows]
            vectors = await asyncio.to_thread(folder.index.reconstruct_n, start, len(ids))
            batch = self._batch(folder, ids, np.asarray(vectors, dtype=np.float32), start)
            if len(batch):
                yield Chunk(batch=batch, position=start + len(ids))

    def _batch(self, folder: _Folder, ids: Sequence[str], vectors: np.ndarray, start: int) -> VectorBatch:
        places = []
        for place, one in enumerate(ids):
            if isinstance(folder.documents.get(one), Document):
                places.append(place)
            else:
                reason = "the docstore has no document of this id"
                self._rejections.add(self.label, f"vector {start + place:,}", reason, id=one)
        states = [folder.documents[ids[place]].state for place in places]
        return VectorBatch(
            ids=[ids[place] for place in places],
            vectors=vectors[places],
            contents=[state.get("page_content", "") for state in states],
            metadatas=[state.get("metadata") or {} for state in states],
        )

    async def _opened(self) -> _Folder:
        if self._folder is None:
            self._folder = await asyncio.to_thread(self._read)
        return self._folder

    def _read(self) -> _Folder:
        for path in (self._index, self._pickle):
            if not path.is_file():
                raise ConfigError(
                    f"{self.label}: there is no file {str(path)!r}; name a folder of save_local"
                )
        ids, documents = _documents(load_inert(self._pickle), str(self._pickle))
        index = self._read_index()
        if index.ntotal != len(ids):
            raise CorruptStoreError(
                f"{str(self._index)!r} has {index.ntotal:,} vectors, and {str(self._pickle)!r} names "
                f"{len(ids):,} documents; they do not belong together"
            )
        kind = type(index).__name__
        if kind not in _EXACT:
            self._notes.append(
                f"the index is a {kind}: its vectors are what its compression has left of them"
            )
        return _Folder(index=index, ids=ids, documents=documents)

    def _read_index(self) -> Any:
        try:
            index = faiss.read_index(str(self._index), faiss.IO_FLAG_MMAP)
            if hasattr(index, "make_direct_map"):  # inverted lists know no order until they are asked to
                index = faiss.read_index(str(self._index))
                index.make_direct_map()
        except RuntimeError as error:
            raise CorruptStoreError(
                f"{str(self._index)!r} is no index that FAISS can read: {error}; save the folder again"
            ) from error
        return index


def _documents(content: object, name: str) -> tuple[list[str], dict[str, Document]]:
    """Return the ids in the order of the index, and the documents."""
    match content:
        case (Docstore() as docstore, Mapping() as places):
            documents = docstore.state.get("_dict")
        case _:
            raise CorruptStoreError(
                f"{name!r} holds {shown(type(content).__name__)} and not LangChain's pair"
            )
    if not isinstance(documents, Mapping) or sorted(map(str, places)) != sorted(map(str, range(len(places)))):
        raise CorruptStoreError(
            f"{name!r} holds no documents, or not one for each vector; save the folder again"
        )
    return [str(places[row]) for row in range(len(places))], dict(documents)
