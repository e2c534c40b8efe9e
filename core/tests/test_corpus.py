"""The demo's corpus: the standard library's docstrings."""

import ast
import sys

import pytest

from pygent_vec.cli._corpus import Passage, standard_library_docstrings
from pygent_vec.model import check_text, normalized_object


@pytest.fixture(scope="module")
def passages():
    return standard_library_docstrings()


@pytest.fixture
def library(tmp_path):
    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return {passage.name: passage for passage in standard_library_docstrings(tmp_path)}

    return write


def test_the_running_library_has_some_thousands_of_docstrings(passages):
    assert 5_000 < len(passages) < 12_000
    assert 4_000 < sum(passage.public for passage in passages) < 8_000


def test_known_things_are_found_and_described(passages):
    found = {passage.name: passage for passage in passages}
    compress = found["gzip.compress"]
    assert compress.kind == "function"
    assert (compress.module, compress.package, compress.public) == ("gzip", "gzip", True)
    assert compress.arguments[:2] == ("data", "compresslevel")
    assert compress.text.startswith("Compress data in one shot")
    assert compress.words == len(compress.text.split())
    assert found["json.decoder.JSONDecoder.decode"].kind == "method"
    assert found["json.decoder.JSONDecoder"].kind == "class"
    assert found["csv"].kind == "module"
    assert found["asyncio.tasks.wait"].package == "asyncio"


def test_names_are_unique_and_in_the_same_order_each_time(passages):
    names = [passage.name for passage in passages]
    assert len(set(names)) == len(names)
    assert [passage.name for passage in standard_library_docstrings()] == names
    modules = [passage.module for passage in passages]
    assert sorted(modules) == modules


def test_every_passage_can_be_kept_in_a_store(passages):
    for passage in passages:
        check_text(passage.name)
        check_text(passage.text)
        assert 0 < len(passage.name.encode()) <= 512
        assert normalized_object(passage.metadata()) == passage.metadata()
        assert passage.summary.startswith(f"{passage.name}\n")


def test_tests_and_tools_are_left_out(passages):
    parts = {part for passage in passages for part in passage.module.split(".")}
    assert not parts & {"test", "tests", "idlelib", "lib2to3", "turtledemo", "site-packages", "pip"}


def test_nothing_is_imported():
    before = set(sys.modules)
    standard_library_docstrings()
    assert set(sys.modules) == before


def test_only_modules_of_the_standard_library_are_read(library):
    found = library({"gzip.py": '"One."', "intruder.py": '"Two."', "site-packages/gzip.py": '"Three."'})
    assert [passage.text for passage in found.values()] == ["One."]


def test_a_folder_without_an_init_is_no_package(library):
    found = library({"json/decoder.py": '"No."', "email/__init__.py": "", "email/utils.py": '"Yes."'})
    assert list(found) == ["email.utils"]


def test_test_packages_are_left_out_at_any_depth(library):
    found = library(
        {"json/__init__.py": '"Yes."', "json/tests/__init__.py": '"No."', "json/test/a.py": '"No."'}
    )
    assert list(found) == ["json"]


BROKEN = {
    "syntax": b"def (",
    "nul": b"x = '\0'",
    "coding": b"# coding: no-such-coding\n",
    "bytes": b"\xff\xfe",
    "not-ascii": b"# coding: ascii\n'\xe9'",
    "nested-operators": b"-" * 100_000 + b"1",
    "nested-attributes": b"a" + b".a" * 100_000,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_be_parsed_does_not_hide_the_others(library, broken):
    with pytest.raises((SyntaxError, ValueError, RecursionError, MemoryError)):
        ast.parse(broken)
    assert list(library({"csv.py": broken, "gzip.py": '"One."'})) == ["gzip"]


def test_a_folder_in_the_place_of_a_file_is_passed_over(library, tmp_path):
    (tmp_path / "csv.py").mkdir()
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").symlink_to(tmp_path / "nowhere")
    assert list(library({"gzip.py": '"One."'})) == ["gzip"]


def test_a_missing_library_is_an_empty_corpus(tmp_path):
    assert standard_library_docstrings(tmp_path / "nowhere") == []


def test_a_docstring_that_no_store_can_keep_is_left_out(library):
    found = library(
        {"csv.py": r'"nul \0"', "gzip.py": r'"surrogate \ud800"', "json.py": '"fine"', "ast.py": '"" '}
    )
    assert list(found) == ["json"]


SOURCE = '''
class Reader:
    """A class."""

    def __init__(self, path, /, mode, *rest, key=1, **more):
        """A method."""

    @classmethod
    async def open(cls):
        """Another method.

        Its second paragraph.
        """
        def inner():
            """Not addressable."""

    class Row:
        """An inner class."""

if True:
    def either():
        """The first."""
else:
    def either():
        """The second."""

try:
    pass
except ImportError:
    def _fallback():
        """In a handler."""
finally:
    def last(): """At last."""
'''


def test_kinds_arguments_and_lines_are_read_from_the_source(library):
    found = library({"csv.py": SOURCE})
    assert [(name.removeprefix("csv."), passage.kind) for name, passage in found.items()] == [
        ("Reader", "class"),
        ("Reader.__init__", "method"),
        ("Reader.open", "method"),
        ("Reader.Row", "class"),
        ("either", "function"),
        ("_fallback", "function"),
        ("last", "function"),
    ]
    assert found["csv.Reader.__init__"].arguments == ("path", "mode", "rest", "key", "more")
    assert found["csv.Reader.open"].arguments == ()
    assert found["csv.either"].text == "The first."
    assert (found["csv.last"].lines, found["csv._fallback"].lines) == (1, 2)
    assert [name for name, passage in found.items() if not passage.public] == [
        "csv.Reader.__init__",
        "csv._fallback",
    ]


def test_a_summary_is_the_name_and_the_first_paragraph(library):
    assert library({"csv.py": SOURCE})["csv.Reader.open"].summary == "csv.Reader.open\nAnother method."
    ragged = '"""\\n  First line,\\n\\tsecond line.\\n \\t \\nFurther."""'
    assert library({"gzip.py": ragged})["gzip"].summary.split() == [
        "gzip",
        "First",
        "line,",
        "second",
        "line.",
    ]


def test_metadata_holds_plain_json_values():
    passage = Passage(
        name="a.b",
        kind="function",
        module="a",
        package="a",
        text="Do.",
        public=True,
        words=1,
        lines=2,
        arguments=("x",),
    )
    assert passage.metadata() == {
        "kind": "function",
        "module": "a",
        "package": "a",
        "public": True,
        "words": 1,
        "lines": 2,
        "arguments": ["x"],
    }
