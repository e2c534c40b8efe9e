"""What the commands write."""

import json

import pytest

from pygent_vec.cli._output import Cell, Column, byte_count, clean, first_line, print_json, print_table


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (2**40, "1.0 TiB"),
    ],
)
def test_bytes_are_counted_in_units_for_people(count, text):
    assert byte_count(count) == text


def test_numbers_that_json_lacks_become_null(capsys):
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": True, "d": None})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": True, "d": None}


def test_control_characters_and_changes_of_direction_become_spaces():
    assert clean("a\x00b\x1bc\u202ed\x9be\ud800") == "a b c d e "
    assert clean("a\nb", keep="\n") == "a\nb"
    assert clean("Grüße, 你好 👩‍🚀") == "Grüße, 你好 👩‍🚀"


def test_the_first_line_is_the_first_that_says_something():
    assert first_line("\n  \n  Compress.\nMore.") == "Compress."
    assert first_line("") == ""


def test_a_column_that_may_be_cut_takes_what_the_others_leave(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    columns = [Column("Name"), Column("Text", cut=True)]
    print_table(columns, [(Cell("a" * 30), "b" * 300), ("c" * 100, "short")])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split()[0] == "a" * 30
    assert lines[2].rstrip().endswith("b…")
    assert "".join(line.split()[0] for line in lines[3:6]) == "c" * 100
