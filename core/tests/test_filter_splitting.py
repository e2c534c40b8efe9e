"""The split of a filter: pushed and residual together are the filter, and pushed loses nothing."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec import F
from pygent_vec.filters import And, Comparison, Field, Not, Operator, Or, Pushdown, matches, split

from .strategies import near_metadatas, trees

GRADES = tuple(Pushdown)
OWN = {"id": "a", "title": "ab", "chunk_index": 1}
A, B = F("a") == 1, F("b") == 2


def random_grades(seed):
    return lambda comparison: GRADES[crc32(f"{seed}{comparison!r}".encode()) % len(GRADES)]


def answered(node, grade, metadata):
    """Return what a backend of these grades answers, as wrongly as it may: a superset is everything."""
    match node:
        case None:
            return True
        case And(children):
            return all(answered(child, grade, metadata) for child in children)
        case Or(children):
            return any(answered(child, grade, metadata) for child in children)
        case Not(child):
            return not answered(child, grade, metadata)
    return grade(node) is Pushdown.SUPERSET or matches(node, metadata, OWN)


def leaves(node):
    match node:
        case None:
            return []
        case Comparison():
            return [node]
        case Not(child):
            return leaves(child)
    return [leaf for child in node.children for leaf in leaves(child)]


@given(trees(), st.integers(0, 10**6), near_metadatas)
def test_pushed_and_residual_are_the_filter(node, seed, metadata):
    grade = random_grades(seed)
    parts = split(node, grade)
    residual = parts.residual is None or matches(parts.residual, metadata, OWN)
    assert (answered(parts.pushed, grade, metadata) and residual) is matches(node, metadata, OWN)


@given(trees(), st.integers(0, 10**6), near_metadatas)
def test_pushed_holds_wherever_the_filter_does(node, seed, metadata):
    grade = random_grades(seed)
    if matches(node, metadata, OWN):
        pushed = split(node, grade).pushed
        assert answered(pushed, grade, metadata)
        assert pushed is None or matches(pushed, metadata, OWN)


@given(trees(), st.integers(0, 10**6))
def test_the_backend_gets_nothing_that_it_can_not_answer(node, seed):
    grade = random_grades(seed)
    assert all(grade(leaf) is not Pushdown.NONE for leaf in leaves(split(node, grade).pushed))


@given(trees(least=1))
def test_a_backend_that_answers_everything_leaves_nothing_to_core(node):
    assert split(node, lambda _: Pushdown.EXACT).residual is None


@given(trees())
def test_a_backend_that_answers_nothing_gets_no_comparison(node):
    assert leaves(split(node, lambda _: Pushdown.NONE).pushed) == []


@pytest.mark.parametrize("node", [Or(()), Not(And(())), Or(()) | A, Or(()) & A], ids=str)
def test_a_backend_that_answers_nothing_is_asked_nothing(node):
    parts = split(node, lambda _: Pushdown.NONE)
    assert parts.pushed is None
    assert parts.residual is not None


@pytest.mark.parametrize(
    ("node", "pushed", "residual"),
    [
        (A, A, None),
        (B, None, B),
        (A & B, A, B),
        (A | B, None, A | B),
        (~B, None, ~B),
        (~A, ~A, None),
        (~(A | B), ~A, ~B),
        (~(A & B), None, ~A | ~B),
        (~~A, A, None),
        (A & (F("a") == 3) & B, A & (F("a") == 3), B),
    ],
    ids=str,
)
def test_as_much_as_possible_is_pushed(node, pushed, residual):
    parts = split(node, lambda one: Pushdown.EXACT if one.field.path == ("a",) else Pushdown.NONE)
    assert (parts.pushed, parts.residual) == (pushed, residual)


def test_a_superset_is_pushed_and_checked_again_but_its_negation_is_not_pushed():
    parts = split(A & ~B, lambda _: Pushdown.SUPERSET)
    assert (parts.pushed, parts.residual) == (A, A & ~B)


def test_a_choice_of_supersets_is_pushed_whole():
    parts = split(A | B, lambda _: Pushdown.SUPERSET)
    assert (parts.pushed, parts.residual) == (A | B, A | B)


def test_the_grade_may_depend_on_the_operand():
    short = Comparison(Field(("a",)), Operator.EQ, "x")
    long = Comparison(Field(("a",)), Operator.EQ, "x" * 100)
    parts = split(short & long, lambda one: Pushdown.EXACT if len(one.value) < 10 else Pushdown.SUPERSET)
    assert (parts.pushed, parts.residual) == (short & long, long)
