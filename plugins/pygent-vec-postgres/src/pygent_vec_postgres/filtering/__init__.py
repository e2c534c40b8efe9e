"""Filters as SQL: every comparison is answered exactly, and every name and value is a parameter."""

from pygent_vec_postgres.filtering.conditions import condition, grade
from pygent_vec_postgres.filtering.parameters import Parameters

__all__ = ["Parameters", "condition", "grade"]
