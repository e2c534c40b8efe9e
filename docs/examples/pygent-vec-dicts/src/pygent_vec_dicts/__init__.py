"""An example backend: a store over plain dicts."""
