"""Random sequences of all operations, against a model that is a dict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pygent_vec import (
    CollectionExistsError,
    CollectionNotFoundError,
    DocumentExistsError,
    VectorDocument,
    VectorQuery,
)
from pygent_vec_conformance import expect, meaning
from pygent_vec_conformance.laws import noted
from pygent_vec_conformance.oracle import answer_is_right, embeddings
from pygent_vec_conformance.topics.filter_laws import filters, json_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec_conformance.world import World

__all__ = ["StoreMachine"]

_NAMES = ("one", "One")
_IDS = ("a", "b", "A", "c", "é", "'", "aa", "1")
_DIMENSION = 3

names = st.sampled_from(_NAMES)
ids = st.lists(st.sampled_from(_IDS), max_size=4)
vectors = st.lists(st.integers(-4, 4), min_size=_DIMENSION, max_size=_DIMENSION).map(
    lambda row: [float(one) for one in row[:-1]] + [row[-1] + 4.5]
)
metadatas = st.dictionaries(st.sampled_from(("a", "b", "c", "x'y")), json_values, max_size=3)
documents = st.lists(
    st.builds(
        VectorDocument,
        id=st.sampled_from(_IDS),
        content=st.sampled_from(("", "text", "é")),
        embedding=vectors,
        metadata=metadatas,
        title=st.sampled_from((None, "", "a", "red")),
        chunk_index=st.sampled_from((None, 0, 1)),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)


class StoreMachine(RuleBasedStateMachine):
    """A store and its model side by side; after each step they must agree in everything."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self._model: dict[str, dict[str, VectorDocument]] = {}

    @initialize()
    @noted
    def begin(self) -> None:
        """Open a store in a fresh place."""
        self.world.run(self.world.fresh())
        self._model = {}

    @rule(name=names)
    @noted
    def create(self, name: str) -> None:
        """Create a collection, which may exist."""
        call = self.world.store.create_collection(name, _DIMENSION, self.world.metric)
        if name in self._model:
            self.world.run(expect.raises(CollectionExistsError, call, f"creating {name!r} again"))
        else:
            self.world.run(call)
            self._model[name] = {}

    @rule(name=names)
    @noted
    def drop(self, name: str) -> None:
        """Delete a collection, which may be missing."""
        there = self.world.run(self.world.store.delete_collection(name))
        expect.equal(there, self._model.pop(name, None) is not None, f"delete_collection({name!r})")

    @rule(name=names, batch=documents, mode=st.sampled_from(("overwrite", "overwrite", "error", "skip")))
    @noted
    def add(self, name: str, batch: Sequence[VectorDocument], mode: str) -> None:
        """Add documents in each conflict mode."""
        given = [attrs.evolve(one, collection=name) for one in batch]
        call = self.world.store.add_documents(given, on_conflict=mode)  # type: ignore[arg-type]  # one of the modes
        held = self._model.get(name)
        known = {one.id for one in batch} & set(held or ())
        if held is None:
            if batch:
                self.world.run(
                    expect.raises(CollectionNotFoundError, call, "a write to a missing collection")
                )
            else:
                call.close()
        elif mode == "error" and known:
            error = self.world.run(expect.raises(DocumentExistsError, call, f"ids that exist: {known}"))
            expect.equal(set(error.ids), known, "the ids of the error")
        else:
            written = [one for one in given if mode != "skip" or one.id not in known]
            expect.equal(self.world.run(call), [one.id for one in written], "the ids written")
            held.update((one.id, one) for one in written)

    @precondition(lambda self: bool(self._model))
    @rule(name=names, batch=documents)
    @noted
    def update(self, name: str, batch: Sequence[VectorDocument]) -> None:
        """Update documents, of which some exist."""
        held = self._model.get(name)
        if held is None:
            return
        given = [attrs.evolve(one, collection=name) for one in batch]
        written = [one for one in given if one.id in held]
        seen = self.world.run(self.world.store.update_documents(given))
        expect.equal(seen, [one.id for one in written], "the ids updated")
        held.update((one.id, one) for one in written)

    @precondition(lambda self: any(self._model.values()))
    @rule(name=names, some=ids)
    @noted
    def delete(self, name: str, some: Sequence[str]) -> None:
        """Delete by id, also what is not there."""
        held = self._model.get(name)
        if held is None:
            return
        seen = self.world.run(self.world.store.delete_documents(some, collection=name))
        gone = [one for one in set(some) if held.pop(one, None) is not None]
        expect.equal(seen, len(gone), f"delete_documents({some})")

    @precondition(lambda self: any(self._model.values()))
    @rule(name=names, condition=filters)
    @noted
    def delete_where(self, name: str, condition: Mapping[str, object]) -> None:
        """Delete by a random filter."""
        held = self._model.get(name)
        if held is None:
            return
        gone = [one.id for one in held.values() if meaning.holds(condition, one)]
        seen = self.world.run(self.world.store.delete_where(condition, collection=name))
        for one in gone:
            del held[one]
        expect.equal(seen, len(gone), f"delete_where({condition})")

    @precondition(lambda self: any(self._model.values()))
    @rule(name=names, vector=vectors, limit=st.integers(1, 9), condition=st.none() | filters)
    @noted
    def search(
        self, name: str, vector: list[float], limit: int, condition: Mapping[str, object] | None
    ) -> None:
        """Search, filtered or not, and check the whole answer."""
        held = self._model.get(name)
        if held is None:
            return
        matching = [one for one in held.values() if condition is None or meaning.holds(condition, one)]
        query = VectorQuery(query_vector=vector, collection=name, limit=limit, metadata_filter=condition)
        results = self.world.run(self.world.store.search_similar(query))
        answer_is_right(
            results, embeddings(matching), self.world.metric, vector, limit, note=f" by {condition}"
        )

    @rule(name=names)
    @noted
    def optimize(self, name: str) -> None:
        """Build the index."""
        if name in self._model:
            self.world.run(self.world.store.optimize(name))

    @precondition(lambda self: self.world.capabilities.durable)
    @rule()
    @noted
    def reopen(self) -> None:
        """Close the store and open its place anew."""
        self.world.run(self.world.reopened())

    @invariant()
    @noted
    def agrees(self) -> None:
        """Compare everything that the store holds with the model."""
        store = self.world.store
        expect.equal(self.world.run(store.list_collections()), sorted(self._model), "list_collections()")
        for name, held in self._model.items():
            self.world.run(self._agrees(name, held))

    async def _agrees(self, name: str, held: Mapping[str, VectorDocument]) -> None:
        store = self.world.store
        expect.equal(await store.count_documents(collection=name), len(held), f"the count of {name!r}")
        seen = [one async for one in store.iter_documents(collection=name)]
        expect.equal([one.id for one in seen], sorted(held), f"the ids of {name!r}")
        for one in seen:
            wanted = held[one.id]
            own = (one.content, one.title, one.chunk_index, one.collection)
            expect.equal(
                own, (wanted.content, wanted.title, wanted.chunk_index, name), f"fields of {one.id!r}"
            )
            expect.same_json(one.metadata, wanted.metadata, f"the metadata of {one.id!r}")
            if wanted.embedding is not None:
                exact = self.world.capabilities.exact_vectors
                expect.same_vector(one.embedding, wanted.embedding, f"the vector of {one.id!r}", exact=exact)
        probe = np.array([1.0, -2.0, 3.0], dtype=np.float32)
        query = VectorQuery(query_vector=probe, collection=name, limit=len(_IDS))
        results = await store.search_similar(query)
        answer_is_right(
            results,
            embeddings(list(held.values())),
            self.world.metric,
            probe,
            len(_IDS),
            note=f" in {name!r}",
        )
