"""Chroma in a process of its own: its bindings hold Python's lock while they write."""
