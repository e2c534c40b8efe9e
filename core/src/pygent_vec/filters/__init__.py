"""Metadata filters: one tree, two spellings, one meaning."""

from pygent_vec.filters._builder import F
from pygent_vec.filters._compiler import FilterCompiler
from pygent_vec.filters._evaluator import (
    MISSING,
    evaluate,
    json_equal,
    kind_of,
    matches,
    own_values,
    value_at,
)
from pygent_vec.filters._nodes import (
    OWN_FIELD_NAMES,
    And,
    Comparison,
    Field,
    Filter,
    Not,
    Operator,
    Or,
    to_dict,
)
from pygent_vec.filters._parser import MAX_FILTER_DEPTH, parse_field, parse_filter
from pygent_vec.filters._split import Pushdown, Split, split

__all__ = [
    "MAX_FILTER_DEPTH",
    "MISSING",
    "OWN_FIELD_NAMES",
    "And",
    "Comparison",
    "F",
    "Field",
    "Filter",
    "FilterCompiler",
    "Not",
    "Operator",
    "Or",
    "Pushdown",
    "Split",
    "evaluate",
    "json_equal",
    "kind_of",
    "matches",
    "own_values",
    "parse_field",
    "parse_filter",
    "split",
    "to_dict",
    "value_at",
]
