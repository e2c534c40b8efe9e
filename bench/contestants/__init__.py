"""Who is measured: our stores, the raw libraries, NumPy, and other people's libraries."""

from bench.contestants.contestant import Answers, Contestant, Effort, Where
from bench.contestants.field import field_of

__all__ = ["Answers", "Contestant", "Effort", "Where", "field_of"]
