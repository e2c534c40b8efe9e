"""The forms in which vectors and metadata travel."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec_postgres.codec import (
    decode_document,
    decode_vectors,
    encode_document,
    encode_vector,
    encode_vectors,
    queryable,
)

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.lists(st.floats(width=32), min_size=3, max_size=3), max_size=5))
def test_vectors_come_back_bit_for_bit(rows):
    matrix = np.array(rows, dtype=np.float32).reshape(len(rows), 3)
    back = decode_vectors(encode_vectors(matrix), 3)
    assert back.dtype == np.float32
    assert (back.view(np.uint32) == matrix.view(np.uint32)).all()


def test_one_vector_is_encoded_as_a_matrix_of_one():
    vector = np.array([1.5, -0.0, 1e-45], dtype=np.float32)
    assert [encode_vector(vector)] == encode_vectors(vector[np.newaxis])
    assert encode_vector(vector).hex() == "00030000" + "3fc00000" + "80000000" + "00000001"


def test_a_matrix_that_is_not_contiguous_is_encoded_as_it_reads():
    matrix = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::-3]
    assert (decode_vectors(encode_vectors(matrix), 2) == matrix).all()


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), VALUES))
def test_a_document_keeps_types_and_bits(metadata):
    exact, _ = encode_document(metadata)
    back = decode_document(exact)
    assert back == metadata
    assert repr(sorted(back.items())) == repr(sorted(metadata.items()))


@given(NUMBERS, NUMBERS)
def test_the_digits_that_jsonb_compares_have_the_order_of_the_numbers(left, right):
    def digits(number):
        return Fraction(json.loads(queryable(number), parse_float=Fraction, parse_int=Fraction))

    assert (digits(left) < digits(right)) == (left < right)
    assert (digits(left) == digits(right)) == (left == right)


@pytest.mark.parametrize("number", [2.0**53, 2.0**62, -(2.0**63), 1e16, 1.8014398509481988e16, 1e22, 1.7e308])
def test_a_large_float_is_written_as_the_whole_number_that_it_is(number):
    assert Fraction(json.loads(queryable([{"a": number}]), parse_float=Fraction)[0]["a"]) == Fraction(number)
    assert queryable({"a": (number, 1)}) == encode_document({"a": [number, 1]})[1]


def test_text_that_looks_like_a_large_float_stays_text():
    exact, asked = encode_document({"1e30": "2e22", "n": 1.5})
    assert json.loads(asked) == json.loads(exact) == {"1e30": "2e22", "n": 1.5}
