"""What the static embedder promises of its vectors."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from threading import Barrier

import numpy as np
import pytest

from pygent_vec.contract import Embedder
from pygent_vec.errors import InvalidDocumentError
from pygent_vec_embed_static import StaticEmbedder
from pygent_vec_embed_static._table import load_token_table

GOLDEN = "a59b6a21b9a8ba4914928d8beda7b267bc09d0fb199ae81365958a42b2f8ec22"
TEXTS = [
    "compress a file",
    "gzip compress",
    "Send an e-mail to naïve café-goers!",
    "",
    "漢字 and кириллица",
    "the " * 50,
    "0123456789",
    "x" * 300,
]


@pytest.fixture(scope="module")
def embedder():
    return StaticEmbedder()


def plain_embedding(text):
    """The definition, spelt out: the direction of the mean of the tokens' vectors, one token at a time."""
    table = load_token_table()
    numbers = table.tokenizer.encode(text, add_special_tokens=False).ids or [table.unknown]
    mean = sum(table.weights[number].astype(float) * table.scales[number] for number in numbers) / len(
        numbers
    )
    return mean / np.sqrt((mean**2).sum())


def test_it_is_an_embedder_of_the_contract(embedder):
    assert isinstance(embedder, Embedder)
    assert embedder.dimension == embedder.embed(["a"]).shape[1] == 128
    assert embedder.model == "static-minilm-l6-v2-128d-v1"


def test_the_rows_are_float32_of_norm_one(embedder):
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert vectors.shape == (len(TEXTS), 128)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_a_vector_is_the_direction_of_the_mean_of_the_tokens(embedder):
    for text, vector in zip(TEXTS, embedder.embed(TEXTS), strict=True):
        np.testing.assert_allclose(vector, plain_embedding(text), atol=1e-7)


def test_texts_of_one_meaning_are_near_and_others_are_far(embedder):
    compress, gzip, email = embedder.embed(["compress a file", "gzip compress", "send an email"])
    assert compress @ gzip > 0.6
    assert compress @ gzip > compress @ email + 0.2
    assert gzip @ email < 0.4


def test_case_and_surrounding_space_do_not_matter(embedder):
    lower, upper = embedder.embed(["read a file", "  READ\n a File "])
    assert lower.tobytes() == upper.tobytes()


def test_a_text_has_the_same_bits_alone_and_in_any_batch(embedder):
    texts = [f"{text} {number}" for number in range(300) for text in TEXTS]
    batch = embedder.embed(texts)
    assert embedder.embed(texts[::-1])[::-1].tobytes() == batch.tobytes()
    for row in range(0, len(texts), 97):
        assert embedder.embed([texts[row]])[0].tobytes() == batch[row].tobytes()


def test_version_1_of_the_model_has_these_bits(embedder):
    bits = embedder.embed(TEXTS).astype("<f4").tobytes()
    assert hashlib.sha256(bits).hexdigest() == GOLDEN, "other vectors need another model name"


def test_the_end_of_a_long_text_counts(embedder):
    text = "read a file and compress it. " * 5000
    plain, longer = embedder.embed([text, text + "send an email " * 5000])
    email = embedder.embed(["send an email"])[0]
    assert longer @ email > plain @ email + 0.2


def test_the_order_of_a_long_text_does_not_show_in_the_bits(embedder):
    words = [word for text in TEXTS for word in text.split()] * 1000
    forward, backward = embedder.embed([" ".join(words), " ".join(words[::-1])])
    assert forward.tobytes() == backward.tobytes()


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b"])
def test_a_text_without_a_token_gets_the_vector_of_the_unknown_token(embedder, text):
    vector = embedder.embed([text])[0]
    assert vector.tobytes() == embedder.embed(["\N{SNOWMAN}\N{VARIATION SELECTOR-16}"])[0].tobytes()
    assert np.isclose(np.linalg.norm(vector), 1.0)


def test_texts_without_tokens_do_not_disturb_their_neighbours(embedder):
    texts = ["", "compress a file", "", "", "send an email", ""]
    alone = [embedder.embed([text])[0].tobytes() for text in texts]
    assert [row.tobytes() for row in embedder.embed(texts)] == alone


def test_no_texts_give_no_rows(embedder):
    assert embedder.embed([]).shape == (0, 128)


@pytest.mark.parametrize(
    ("text", "reason"), [("\ud800 a", r"U\+D800 at position 0"), ("a\0", "NUL .* position 1")]
)
def test_a_text_that_no_store_can_keep_is_refused_by_its_place(embedder, text, reason):
    with pytest.raises(InvalidDocumentError, match=rf"texts\[1\] .*{reason}"):
        embedder.embed(["fine", text])


def test_one_string_is_not_taken_for_a_list_of_letters(embedder):
    with pytest.raises(TypeError, match=r"embed\(\['compress'\]\)"):
        embedder.embed("compress")


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", ("a", "pair")])
def test_what_is_no_string_is_refused_by_its_place(embedder, wrong):
    with pytest.raises(TypeError, match=rf"texts\[1\] .*{type(wrong).__name__}"):
        embedder.embed(["fine", wrong])


def test_threads_share_one_embedder_and_one_load(monkeypatch):
    loads = []

    def counted():
        loads.append(1)
        return load_token_table()

    monkeypatch.setattr("pygent_vec_embed_static._table.load_token_table", counted)
    shared, together = StaticEmbedder(), Barrier(4)

    def work(_):
        together.wait(timeout=60)
        return [shared.embed(TEXTS).tobytes() for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        answers = {answer for answers in pool.map(work, range(4)) for answer in answers}
    assert answers == {StaticEmbedder().embed(TEXTS).tobytes()}
    assert len(loads) == 2, "one for the four threads, one for the embedder that they are compared with"


def test_each_token_of_the_vocabulary_has_a_vector_with_a_direction():
    table = load_token_table()
    assert sorted(table.tokenizer.get_vocab().values()) == list(range(len(table.weights)))
    assert table.scales.shape == (len(table.weights),)
    assert table.weights.dtype == np.int8
    assert np.all(np.any(table.weights != 0, axis=1) & (table.scales > 0))


def test_the_sums_are_exact():
    """Scales are whole multiples of 2**-24, and a sum below 2**29 of them needs no rounding."""
    table = load_token_table()
    steps = table.scales * 2**24
    assert np.array_equal(steps, np.round(steps))
    assert table.scales.max() * 128 < 2**3


def test_the_tokenizer_neither_cuts_nor_pads():
    stored = json.loads((resources.files("pygent_vec_embed_static") / "data" / "tokenizer.json").read_text())
    assert stored["truncation"] is not None, "else this test proves nothing"
    table = load_token_table()
    assert table.tokenizer.truncation is None
    assert table.tokenizer.padding is None


IN_A_NEW_PROCESS = """
import sys
sys.addaudithook(lambda event, _: sys.exit(event) if event.startswith("socket.") else None)
import pygent_vec_embed_static.plugin
from pygent_vec_embed_static import StaticEmbedder
embedder = StaticEmbedder()
assert "tokenizers" not in sys.modules, "loaded before its first use"
embedder.embed(["compress a file"])
assert "tokenizers" in sys.modules
"""


def test_an_import_reads_no_data_and_an_embedding_opens_no_socket():
    done = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
