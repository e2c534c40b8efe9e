"""Folders of LangChain's FAISS store: read without running what is in their pickles."""

import asyncio
import os
import pickle
import sys
import types
from datetime import UTC, datetime

import attrs
import faiss
import numpy as np
import pytest

from pygent_vec import DistanceMetric
from pygent_vec.errors import ConfigError, CorruptStoreError, InvalidDocumentError
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer.files import ReadOptions, import_documents
from pygent_vec_faiss.inert import load_inert

VECTORS = np.random.default_rng(0).standard_normal((50, 8), dtype=np.float32)
MODULES = [
    ("langchain_community.docstore.in_memory", "langchain_core.documents.base"),
    ("langchain.docstore.in_memory", "langchain.schema"),
]


class PydanticTwo:
    """A document with the state that pydantic 2 gives its models."""

    def __init__(self, content, metadata):
        self.fields = {"id": None, "metadata": metadata, "page_content": content, "type": "Document"}

    def __getstate__(self):
        return {
            "__dict__": self.fields,
            "__pydantic_extra__": None,
            "__pydantic_fields_set__": {"metadata", "page_content"},
            "__pydantic_private__": None,
        }


class PydanticOne(PydanticTwo):
    """The same for pydantic 1."""

    def __getstate__(self):
        return {
            "__dict__": self.fields,
            "__fields_set__": {"page_content"},
            "__private_attribute_values__": {},
        }


class InMemoryDocstore:
    def __init__(self, documents):
        self._dict = documents


@pytest.fixture
def langchain():
    """Save a folder as LangChain of some version does."""

    def save(folder, documents, index, *, modules=MODULES[0], kind=PydanticTwo, protocol=None, places=None):
        parents = {name.rsplit(".", depth)[0] for name in modules for depth in (1, 2)} - set(modules)
        for name in parents:
            sys.modules[name] = types.ModuleType(name)
        public = {}
        for name, cls, called in zip(
            modules, (InMemoryDocstore, kind), ("InMemoryDocstore", "Document"), strict=True
        ):
            sys.modules[name] = types.ModuleType(name)
            public[called] = type(called, (cls,), {"__module__": name, "__qualname__": called})
            setattr(sys.modules[name], called, public[called])
        made = {one: public["Document"](content, metadata) for one, content, metadata in documents}
        order = places if places is not None else dict(enumerate(made))
        folder.mkdir(exist_ok=True)
        with (folder / "index.pkl").open("wb") as file:
            pickle.dump((public["InMemoryDocstore"](made), order), file, protocol=protocol)
        faiss.write_index(index, str(folder / "index.faiss"))
        for name in {*parents, *modules}:
            del sys.modules[name]
        return folder

    return save


def flat(kind=faiss.IndexFlatL2, vectors=VECTORS):
    index = kind(vectors.shape[1])
    index.add(vectors)
    return index


def documents(count=50):
    return [(f"doc-{row}", f"text {row}", {"row": row, "source": "a.txt"}) for row in range(count)]


def imported(folder, **options):
    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            report = await import_documents(f"langchain:{folder}", store, **options)
            found = {one.id: one async for one in store.iter_documents()}
            return await store.get_collection_info("default"), found, report

    return asyncio.run(work())


@pytest.mark.parametrize("modules", MODULES)
@pytest.mark.parametrize(("kind", "protocol"), [(PydanticTwo, None), (PydanticOne, None), (PydanticTwo, 2)])
def test_a_folder_comes_over_with_every_document_and_vector(tmp_path, langchain, modules, kind, protocol):
    folder = langchain(tmp_path / "x", documents(), flat(), modules=modules, kind=kind, protocol=protocol)
    info, found, report = imported(folder, options=ReadOptions(batch_rows=20))
    assert (info.dimension, info.distance_metric) == (8, DistanceMetric.EUCLIDEAN)
    assert (report.written, report.notes) == (50, ())
    for row, (one, content, metadata) in enumerate(documents()):
        assert (found[one].content, found[one].metadata) == (content, metadata)
        assert found[one].embedding.tobytes() == VECTORS[row].tobytes()


@pytest.mark.parametrize(
    ("index", "metric", "noted"),
    [
        (flat(faiss.IndexFlatIP), DistanceMetric.DOT_PRODUCT, False),
        (flat(lambda d: faiss.IndexHNSWFlat(d, 8)), DistanceMetric.EUCLIDEAN, False),
        (
            flat(lambda d: faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16)),
            DistanceMetric.EUCLIDEAN,
            True,
        ),
    ],
)
def test_indexes_of_other_kinds_are_read_and_a_loss_is_told(tmp_path, langchain, index, metric, noted):
    info, found, report = imported(langchain(tmp_path / "x", documents(), index))
    assert info.distance_metric == metric
    assert np.allclose(found["doc-7"].embedding, VECTORS[7], atol=1e-2)
    assert [("compression" in note) for note in report.notes] == [True] * noted


def test_inverted_lists_are_read_in_the_order_of_the_documents(tmp_path, langchain):
    index = faiss.index_factory(8, "IVF4,Flat")
    index.train(VECTORS)
    index.add(VECTORS)
    _, found, _ = imported(langchain(tmp_path / "x", documents(), index))
    assert all(found[f"doc-{row}"].embedding.tobytes() == VECTORS[row].tobytes() for row in range(50))


def test_times_in_the_metadata_become_text(tmp_path, langchain):
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    folder = langchain(tmp_path / "x", [("a", "", {"when": moment})], flat(vectors=VECTORS[:1]))
    assert imported(folder)[1]["a"].metadata == {"when": "2024-01-01T00:00:00.000000Z"}


def test_an_index_of_another_name_is_named_by_its_file(tmp_path, langchain):
    folder = langchain(tmp_path / "x", documents(), flat())
    for ending in ("faiss", "pkl"):
        (folder / f"index.{ending}").rename(folder / f"mine.{ending}")
    assert len(imported(folder / "mine.faiss")[1]) == 50
    with pytest.raises(ConfigError, match=r"there is no file .*index\.faiss"):
        imported(folder)


# ── pickles ──


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


@pytest.mark.parametrize(
    ("attack", "name"),
    [
        (lambda mark: Attack(os.system, f"touch {mark}"), "posix.system"),
        (lambda mark: Attack(eval, f"open({str(mark)!r}, 'w')"), "builtins.eval"),
        (lambda mark: Attack(getattr, os, "path") and Attack(os.mkdir, str(mark)), "posix.mkdir"),
        (lambda _: attrs.NOTHING, "attr"),
    ],
)
def test_a_pickle_that_would_run_something_is_refused_by_its_name(tmp_path, langchain, attack, name):
    mark = tmp_path / "was run"
    folder = langchain(tmp_path / "x", [("a", "", {"x": attack(mark)})], flat(vectors=VECTORS[:1]))
    with pytest.raises(ConfigError, match=f"names {name}.*nothing of it was run"):
        imported(folder)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"cdatetime\ndatetime.now\n.",
        b"c__builtin__\neval\n.",
    ],
)
def test_names_in_every_spelling_are_refused(tmp_path, content):
    path = tmp_path / "index.pkl"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="which no folder of LangChain needs"):
        load_inert(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"garbage", b"\x80\x04]\x94.", b"Pperson\n."])
def test_a_pickle_that_is_cut_or_none_is_refused(tmp_path, langchain, content):
    folder = langchain(tmp_path / "x", documents(), flat())
    (folder / "index.pkl").write_bytes(content)
    with pytest.raises(CorruptStoreError, match=r"index\.pkl"):
        imported(folder)


def test_every_cut_of_a_pickle_is_found_out(tmp_path, langchain):
    folder = langchain(tmp_path / "x", documents(3), flat(vectors=VECTORS[:3]))
    content = (folder / "index.pkl").read_bytes()
    for size in range(0, len(content) - 1, 7):
        (folder / "index.pkl").write_bytes(content[:size])
        with pytest.raises(CorruptStoreError, match="pickle"):
            imported(folder)


# ── what does not fit together ──


def test_a_vector_without_a_document_is_named_and_may_be_passed_over(tmp_path, langchain):
    folder = langchain(
        tmp_path / "x", documents(2), flat(vectors=VECTORS[:3]), places={0: "doc-0", 1: "gone", 2: "doc-1"}
    )
    with pytest.raises(InvalidDocumentError, match=r"vector 1 \(id 'gone'\): the docstore has no document"):
        imported(folder)
    _, found, report = imported(folder, max_errors=1)
    assert (sorted(found), report.rejected) == (["doc-0", "doc-1"], 1)
    assert found["doc-1"].embedding.tobytes() == VECTORS[2].tobytes()


def test_files_that_do_not_belong_together_are_refused(tmp_path, langchain):
    with pytest.raises(CorruptStoreError, match=r"has 50 vectors, and .* names 3 documents"):
        imported(langchain(tmp_path / "x", documents(3), flat()))


def test_an_index_that_faiss_cannot_read_is_refused(tmp_path, langchain):
    folder = langchain(tmp_path / "x", documents(), flat())
    content = (folder / "index.faiss").read_bytes()
    for damaged in (b"", content[:40], b"none" + content[4:]):
        (folder / "index.faiss").write_bytes(damaged)
        with pytest.raises(CorruptStoreError, match=r"index\.faiss' is no index that FAISS can read"):
            imported(folder)


def test_options_of_other_sources_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="langchain: has no use for table"):
        imported(tmp_path, options=ReadOptions(table="x"))
