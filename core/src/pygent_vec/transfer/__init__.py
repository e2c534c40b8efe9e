"""Moving documents between stores and files, without losing one."""

from pygent_vec.transfer._ends import Chunk, Description, Position, Source, Target

__all__ = ["Chunk", "Description", "Position", "Source", "Target"]
