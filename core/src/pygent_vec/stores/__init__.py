"""Stores that travel with core: the in-memory reference store."""

from pygent_vec.stores._memory import MEMORY_CAPABILITIES, MemoryConfig, MemoryStore

__all__ = ["MEMORY_CAPABILITIES", "MemoryConfig", "MemoryStore"]
