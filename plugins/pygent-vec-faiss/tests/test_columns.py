"""Columns are read once, grow with the writes, cost little memory, and serve many readers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest

from pygent_vec.filters import F, Field, parse_filter
from pygent_vec.model import VectorBatch
from pygent_vec_faiss.filtering.column import Code, Column
from pygent_vec_faiss.filtering.columns import FilterColumns, StoredFields
from pygent_vec_faiss.filtering.dictionary import KeyDictionary
from pygent_vec_faiss.filtering.filters import matching_slots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import JsonValue

A, B = Field(("a",)), Field(("b",))


class Documents:
    """A source of metadata by slot that counts how often it is read."""

    def __init__(self, metadatas: Mapping[int, Mapping[str, JsonValue]]) -> None:
        self.metadatas = dict(metadatas)
        self.passes = 0

    def iterate(self) -> Iterator[StoredFields]:
        self.passes += 1
        for slot, metadata in sorted(self.metadatas.items()):
            yield slot, f"id{slot}", orjson.dumps(metadata), ("t", None, None, slot, None), slot, slot


def batch_of(metadatas: Sequence[Mapping[str, JsonValue]]) -> VectorBatch:
    count = len(metadatas)
    return VectorBatch(
        ids=[f"new{place}" for place in range(count)],
        vectors=np.zeros((count, 1), np.float32),
        contents=[""] * count,
        metadatas=metadatas,
        created_at=np.arange(count),
        updated_at=np.arange(count) + 100,
    )


def slots_of(condition: Filter, columns: FilterColumns) -> list[int]:
    return np.flatnonzero(matching_slots(condition, columns, slots=len(columns))).tolist()


def test_new_fields_of_one_filter_are_read_in_one_pass_and_kept() -> None:
    source = Documents({0: {"a": 1, "b": "x"}, 1: {"a": 2, "b": "y"}})
    columns = FilterColumns(source, slots=2)
    assert source.passes == 0
    assert slots_of((F("a") == 2) | (F("b") == "x"), columns) == [0, 1]
    assert slots_of((F("a") == 2) & (F("b") == "x"), columns) == []
    assert source.passes == 1
    assert slots_of(F("@title") == "t", columns) == [0, 1]
    assert source.passes == 2


def test_slots_without_a_document_are_missing_wherever_they_lie() -> None:
    columns = FilterColumns(Documents({2: {"a": 1}, 5: {"a": 1}}), slots=8)
    assert slots_of(F("a") == 1, columns) == [2, 5]
    assert slots_of(~F("a").exists(), columns) == [0, 1, 3, 4, 6, 7]


def test_an_append_takes_the_rows_that_were_written() -> None:
    columns = FilterColumns(Documents({0: {"a": "x"}}), slots=1)
    assert slots_of((F("a") == "x") & F("@created_at").exists() & F("@id").exists(), columns) == [0]
    columns.append(batch_of([{"a": "x"}, {"a": "y"}, {"a": "x"}]), rows=[1, 2], created_at=[7, 8])
    assert len(columns) == 3
    assert slots_of(F("a") == "x", columns) == [0, 2]
    assert slots_of(F("@id") == "new1", columns) == [1]
    assert slots_of(F("@created_at") == "1970-01-01T00:00:00.000008Z", columns) == [2]
    assert slots_of(~F("@chunk_index").exists(), columns) == [1, 2]


def test_a_column_that_an_append_left_short_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Documents({0: {"a": 1}})
    columns = FilterColumns(source, slots=1)
    assert slots_of(F("a") == 1, columns) == [0]
    with monkeypatch.context() as patch:
        patch.setattr("pygent_vec_faiss.filtering.arrays.GrowingArray.extend", _raise_memory_error)
        with pytest.raises(MemoryError):
            columns.append(batch_of([{"a": 1}]))
    columns.append(batch_of([{"a": 1}]))
    source.metadatas |= {1: {"a": 1}, 2: {"a": 1}}
    assert slots_of(F("a") == 1, columns) == [0, 1, 2]


def _raise_memory_error(*_: object) -> None:
    raise MemoryError


def test_a_compaction_renumbers_the_columns_without_reading() -> None:
    values: list[JsonValue] = ["x", 1, 0.5, ["x"], None, {"x": 1}, True, "x"]
    source = Documents({slot: {"a": value} for slot, value in enumerate(values)})
    columns = FilterColumns(source, slots=8)
    slots_of(F("a").exists(), columns)
    kept = np.array([7, 1, 2, 3, 5])
    columns.renumber(kept)
    assert len(columns) == 5
    assert [slots_of(F("a") == values[slot], columns) for slot in kept.tolist()] == [[0], [1], [2], [3], [4]]
    columns.append(batch_of([{"a": "x"}, {"a": "new"}]))
    assert slots_of(F("a").is_in(["x", "new"]), columns) == [0, 5, 6]
    assert slots_of(F("a").contains("x"), columns) == [3]
    assert source.passes == 1


def test_the_least_recently_used_columns_are_dropped_beyond_the_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pygent_vec_faiss.filtering.columns._LEAST_BUDGET", 0)
    count = 10_000
    source = Documents({slot: {"a": f"{slot:08}", "b": 1, "c": slot} for slot in range(count)})
    columns = FilterColumns(source, slots=count, budget=60)
    for name in ("a", "b", "a", "c", "@id"):
        slots_of(F(name).exists(), columns)
    assert [str(field) for field in columns.fields] == ["c", "@id"]
    assert columns.nbytes <= 60 * count
    slots_of(F("a").exists() | F("@id").exists(), columns)
    assert {str(field) for field in columns.fields} == {"a", "@id"}  # a filter's own columns stay together


def test_readers_that_ask_at_once_read_the_documents_once() -> None:
    source = Documents({slot: {"a": slot % 7, "b": f"{slot % 5}"} for slot in range(20_000)})
    columns = FilterColumns(source, slots=20_000)
    barrier = Barrier(8)

    def search(_: int) -> int:
        barrier.wait(timeout=60)
        return len(slots_of((F("a") == 3) & (F("b") >= "2"), columns))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(search, range(8)))
    assert set(answers) == {sum(slot % 7 == 3 and slot % 5 >= 2 for slot in range(20_000))}
    assert source.passes == 1


def test_a_filter_on_known_fields_does_not_wait_while_others_are_read() -> None:
    source = Documents({0: {"a": 1, "b": 2}})
    columns = FilterColumns(source, slots=1)
    slots_of(F("a") == 1, columns)
    answers: list[list[int]] = []
    with ThreadPoolExecutor(1) as pool:

        def iterate() -> Iterator[StoredFields]:
            answers.append(pool.submit(slots_of, F("a") == 1, columns).result(timeout=60))
            return Documents.iterate(source)

        source.iterate = iterate  # type: ignore[method-assign]  # reading lasts until the other filter is done
        assert slots_of(F("b") == 2, columns) == [0]
    assert answers == [[0]]


def test_a_reader_sees_its_prefix_while_a_writer_appends() -> None:
    columns = FilterColumns(Documents({0: {"a": 0}}), slots=1)
    node = parse_filter({"a": {"$in": [0, "t3", "t300", 70_000]}})
    held = columns.columns([A])[A]
    codes, total = held.codes.view, 1
    before = codes.copy()
    for size in (3, 400, 5000):
        columns.append(batch_of([{"a": f"t{row}" if row % 2 else row * 100} for row in range(size)]))
        total += size
        assert matching_slots(node, columns, slots=1).tolist() == [True]
        assert len(matching_slots(node, columns, slots=total)) == total
    assert np.array_equal(codes, before)


def nbytes_per_slot(values: Sequence[JsonValue]) -> float:
    columns = FilterColumns(
        Documents({slot: {"a": value} for slot, value in enumerate(values)}), slots=len(values)
    )
    columns.columns([A])
    return columns.nbytes / len(values)


def test_a_column_costs_few_bytes_a_document() -> None:
    count = 50_000
    assert nbytes_per_slot([f"category {row % 20}" for row in range(count)]) < 1.2
    assert nbytes_per_slot([row % 2 == 0 for row in range(count)]) < 1.2
    assert nbytes_per_slot([2000 + row % 25 for row in range(count)]) < 3.2
    assert nbytes_per_slot([row / 7 for row in range(count)]) < 9.2
    assert nbytes_per_slot([f"user {row % 5000}" for row in range(count)]) < 7
    assert nbytes_per_slot([["ml", f"tag {row % 30}"] for row in range(count)]) < 1.5


def test_a_column_of_distinct_strings_costs_their_text_and_forty_bytes() -> None:
    texts = [f"https://example.org/{row:012}" for row in range(50_000)]
    columns = FilterColumns(
        Documents({slot: {"a": text} for slot, text in enumerate(texts)}), slots=len(texts)
    )
    slots_of(F("a") >= "https", columns)
    assert columns.nbytes / len(texts) < len(texts[0]) * 1.25 + 45


def test_a_large_object_is_not_held_in_memory() -> None:
    assert nbytes_per_slot([{"text": f"{row:1000}"} for row in range(2000)]) < 100


def test_narrow_cells_widen_without_changing_what_they_hold() -> None:
    column = Column()
    numbers = [1, 200, 1, -40_000, 7, 2**40, 200, -(2**63), 2**63 - 1, 0]
    for number in numbers:
        column.extend([number])
    assert column.ints is not None
    assert column.ints.view.tolist() == numbers
    assert column.codes.view.tolist() == [Code.INT] * len(numbers)


def test_a_dictionary_costs_less_than_forty_bytes_beside_its_keys() -> None:
    dictionary = KeyDictionary()
    for start in range(0, 60_000, 1000):
        dictionary.intern([b"%08d" % number for number in range(start, start + 1000)])
    assert dictionary.nbytes < 60_000 * (8 * 1.25 + 40)
