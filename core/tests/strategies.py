"""Random values of the contract."""

from datetime import UTC, datetime, timedelta, timezone

import hypothesis.strategies as st
import numpy as np

from pygent_vec import VectorDocument
from pygent_vec.filters import And, Comparison, Field, Not, Operator, Or
from pygent_vec.model import rfc3339

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
keys = st.sampled_from(["a", "b", "c", "a.b", "@id", "$eq", "\\", "é", "..", "a\\.b"]) | texts.filter(bool)
int64s = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
near = st.sampled_from(
    [None, True, False, 0, 1, 2, 0.0, -0.0, 1.0, 1.5, 2**53, 2**53 + 1, 2.0**53, "", "a", "ab", "b", "1", "é"]
)
scalars = near | st.none() | st.booleans() | int64s | floats | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
metadatas = st.dictionaries(keys, json_values, max_size=4)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_FIRST, _LAST = (datetime(year, month, day) for year, month, day in ((1, 1, 2), (9999, 12, 30)))  # noqa: DTZ001  # made aware below
instants = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC) | zones)
vectors = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5)
optional_texts = st.none() | texts
documents = st.builds(
    VectorDocument,
    id=texts.filter(bool),
    content=texts,
    embedding=st.none() | vectors.map(lambda values: np.array(values, dtype=np.float32)),
    metadata=metadatas,
    collection=st.sampled_from([None, "other"]),
    title=optional_texts,
    source=optional_texts,
    document_type=optional_texts,
    chunk_index=st.none() | int64s,
    chunk_count=st.none() | int64s,
    created_at=st.none() | instants,
    updated_at=st.none() | instants,
)

# Few fields and near values, so that random filters and random documents often meet.
_near_values = st.recursive(
    near,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
near_metadatas = st.dictionaries(st.sampled_from(["a", "b", "c"]), _near_values, max_size=3)
_paths = st.sampled_from([("a",), ("b",), ("c",), ("a", "b"), ("a", "b", "a")])
_own = st.sampled_from(["id", "title", "chunk_index"])
near_fields = st.builds(Field, _paths) | st.builds(lambda name: Field((name,), own=True), _own)
any_fields = near_fields | st.builds(lambda path: Field(tuple(path)), st.lists(keys, min_size=1, max_size=3))
_lists = st.lists(_near_values, max_size=3).map(tuple)
_orderable = st.sampled_from([0, 1, 1.5, 2, 2**53 + 1, 2.0**53, "", "a", "ab", "b", "é"])
_plain_operators = st.sampled_from([Operator.EQ, Operator.CONTAINS])
_order_operators = st.sampled_from([Operator.GT, Operator.GTE, Operator.LT, Operator.LTE])
_list_operators = st.sampled_from([Operator.IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL])


def comparisons(fields):
    """Return comparisons of *fields* with every operator."""
    return (
        st.builds(Comparison, fields, _plain_operators, _near_values)
        | st.builds(Comparison, fields, _order_operators, _orderable)
        | st.builds(Comparison, fields, _list_operators, _lists)
        | st.builds(Comparison, fields, st.just(Operator.EXISTS), st.just(value=True))
        | st.builds(Comparison, fields, st.just(Operator.STARTSWITH), st.sampled_from(["", "a", "ab", "é"]))
    )


def trees(fields=near_fields, *, least=0):
    """Return filter trees over *fields*, whose conjunctions and choices have *least* children or more."""
    return st.recursive(
        comparisons(fields),
        lambda inner: (
            st.builds(Not, inner)
            | st.builds(And, st.lists(inner, min_size=least, max_size=3).map(tuple))
            | st.builds(Or, st.lists(inner, min_size=least, max_size=3).map(tuple))
        ),
        max_leaves=6,
    )


instant_comparisons = st.builds(
    Comparison,
    st.sampled_from(["created_at", "updated_at"]).map(lambda name: Field((name,), own=True)),
    _order_operators,
    instants.map(rfc3339),
)

_careful = st.sampled_from(
    [
        *(2**63, -(2**63) - 1, float("inf"), float("-inf"), float("nan"), "\0", "a\0b", "\ud800", b"bytes"),
        *(
            np.float32(1.5),
            np.int64(3),
            np.bool_(True),
            (1, 2),
            {1},
            datetime(2024, 1, 1, tzinfo=UTC),
            object,
        ),
    ]
)
_any_keys = keys | st.sampled_from(["", "\0", "\udfff", 1, None, True])
any_objects = st.dictionaries(
    _any_keys,
    st.recursive(
        scalars | _careful,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_any_keys, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
