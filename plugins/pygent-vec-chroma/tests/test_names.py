"""Names and specs of collections, in Chroma and back."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pygent_vec.errors import ConfigError, CorruptStoreError
from pygent_vec.model import CollectionSpec, DistanceMetric, IndexSpec
from pygent_vec_chroma.driver import NativeCollection
from pygent_vec_chroma.names import collection_name, native_name
from pygent_vec_chroma.specs import CATALOGUE_KEY, collection_spec, is_foreign, native_hnsw, native_metadata

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True)
SPEC = CollectionSpec(
    name="articles",
    dimension=384,
    distance_metric=DistanceMetric.COSINE,
    index=IndexSpec("hnsw", options={"m": 24, "ef_search": 200}),
    metadata={"of": {"nested": [1, 1.0, None, True]}, "x": 0.12088995980580641},
    created_at=datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
)


def _native(name: str = "articles", **changes: object) -> NativeCollection:
    plain = NativeCollection(
        id="1", name=name, dimension=384, metadata=native_metadata(SPEC), hnsw={"space": "cosine"}
    )
    return attrs.evolve(plain, **changes)  # type: ignore[arg-type]  # fields of the class


@given(name=names)
@example("a")
@example("a..b")
@example("1.2.3.4")
@example("0.0.0.0")
@example("pygent-vec.me")
@example("pygent-vec.zz")
@example("ab-")
@example("x" * 128)
@example("-".join(["z" * 40] * 3) + "-")
def test_every_name_comes_back_and_is_one_that_chroma_takes(name: str) -> None:
    native = native_name(name)
    assert collection_name(_native(native)) == name
    assert 3 <= len(native) <= 512
    assert native[0].isalnum()
    assert native[-1].isalnum()
    assert ".." not in native
    assert [part.isdigit() for part in native.split(".")] != [True] * 4


@given(first=names, second=names)
def test_two_names_are_never_one(first: str, second: str) -> None:
    assert (native_name(first) == native_name(second)) is (first == second)


@pytest.mark.parametrize(
    "native", ["pygent-vec.", "pygent-vec.9", "pygent-vec.mfrgg", "x" * 129, "pygent-vec.ME"]
)
def test_a_name_that_is_not_ours_is_not_visible(native: str) -> None:
    assert collection_name(_native(native)) is None


def test_a_spec_comes_back_from_chromas_metadata() -> None:
    assert collection_spec(_native(), None) == SPEC
    assert not is_foreign(_native())


def test_damaged_metadata_is_named() -> None:
    for text in ("{", "{}", '{"version":2}', '"x"'):
        with pytest.raises(CorruptStoreError, match=r"articles.*pygent_vec"):
            collection_spec(_native(metadata={CATALOGUE_KEY: text}), None)


@pytest.mark.parametrize(
    ("space", "metric"), [("cosine", "cosine"), ("l2", "euclidean"), ("ip", "dot_product")]
)
def test_a_collection_of_another_tool_has_its_own_settings(space: str, metric: str) -> None:
    native = _native(
        metadata={"owner": "someone", "n": 1}, hnsw={"space": space, "max_neighbors": 32, "ef_search": 50}
    )
    spec = collection_spec(native, 384)
    assert is_foreign(native)
    assert spec is not None
    assert (spec.distance_metric.value, spec.dimension, spec.metadata) == (
        metric,
        384,
        {"owner": "someone", "n": 1},
    )
    assert spec.index == IndexSpec("hnsw", options={"m": 32, "ef_search": 50})
    assert collection_spec(native, None) is None  # nothing in it yet tells its dimension


def test_options_of_the_index_go_over_the_stores_own() -> None:
    defaults = {"ef_construction": 100, "ef_search": 100, "max_neighbors": 16, "sync_threshold": 5_000}
    assert native_hnsw(SPEC, defaults) == {
        "space": "cosine",
        "ef_construction": 100,
        "ef_search": 200,
        "max_neighbors": 24,
        "sync_threshold": 5_000,
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"M": 8}, "did you mean 'm'"),
        ({"m": 1}, "from 2 to 512"),
        ({"m": True}, "True"),
        ({"ef_search": 1.5}, "1.5"),
    ],
)
def test_a_bad_option_is_refused(options: dict[str, int | float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        native_hnsw(attrs.evolve(SPEC, index=IndexSpec("hnsw", options=options)), {})
