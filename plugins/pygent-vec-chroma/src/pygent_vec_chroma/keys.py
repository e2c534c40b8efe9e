"""The keys of a row's metadata: which value of a document stands under which of Chroma's keys.

A document's own fields stand under `@` and their name, what Chroma's scalars cannot hold under `@json`. For
filters, the leaves of objects stand under `@.` and their path, and the strings in a list each under a key of
its own: Chroma's own lists cannot be relied on, because it leaves those of deleted rows behind and gives them
to new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.model import OWN_FIELDS

if TYPE_CHECKING:
    from pygent_vec.filters import Field

__all__ = [
    "CREATED_AT",
    "HELD",
    "JSON",
    "NEVER",
    "OWN_KEYS",
    "UPDATED_AT",
    "element_key",
    "is_plain_key",
    "native_key",
    "own_key",
]

_RESERVED = ("@", "#", "$", "chroma:")
"""How keys begin that we or Chroma keep for ourselves."""
HELD = "y"
"""What stands under the key of a list's element."""


def own_key(name: str) -> str:
    """Return the key of a document's own field."""
    return f"@{name}"


CREATED_AT, UPDATED_AT = own_key("created_at"), own_key("updated_at")
OWN_KEYS = tuple(own_key(name) for name in OWN_FIELDS)
JSON = "@json"
NEVER = "@never"
"""No row has this key."""


def is_plain_key(key: str) -> bool:
    """Return whether a metadata key may stand in Chroma as it is."""
    return not key.startswith(_RESERVED)


def native_key(field: Field) -> str:
    r"""Return the key under which filters find a metadata field.

    >>> from pygent_vec.filters import Field
    >>> native_key(Field(("year",))), native_key(Field(("author", "name"))), native_key(Field(("@id",)))
    ('year', '@.author.name', '@.\\@id')
    """
    if len(field.path) == 1 and is_plain_key(field.path[0]):
        return field.path[0]
    return f"@.{field}"


def element_key(field: Field, text: str) -> str:
    """Return the key that a row has if the list *field* holds the string *text*.

    >>> from pygent_vec.filters import Field
    >>> element_key(Field(("author", "tags")), "ml")
    '@has["author","tags","ml"]'
    """
    import orjson  # not with the plugin, which loads this module

    return "@has" + orjson.dumps([*field.path, text]).decode()
