"""The keys of a row's metadata: which value of a document stands under which of Chroma's keys.

A document's own fields stand under `@` and their name, what Chroma's scalars cannot hold under `@json`. For
filters, the leaves of objects stand under `@.` and their path, and the strings in a list under keys that
their checksums say: Chroma's own lists cannot be relied on, because it leaves those of deleted rows behind
and gives them to new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from pygent_vec.model import OWN_FIELDS

if TYPE_CHECKING:
    from pygent_vec.filters import Field

__all__ = [
    "CREATED_AT",
    "JSON",
    "NEVER",
    "OWN_KEYS",
    "SEVERAL",
    "UPDATED_AT",
    "element_key",
    "element_value",
    "is_plain_key",
    "native_key",
    "own_key",
]

_RESERVED = ("@", "#", "$", "chroma:")
"""How keys begin that we or Chroma keep for ourselves."""
SEVERAL = "@several"
"""What stands under a key that tells of several strings of a list, or of a long one."""
_BUCKETS = 64
"""So many keys tell of a list's strings. A key for each would be simpler, but Chroma keeps all keys that it
ever saw, and goes through them at every query: with 20,000 of them a search took a hundred times as long."""
_LONGEST = 64


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


def element_key(field: Field | str, text: str) -> str:
    """Return the key that tells of the string *text* in the list *field*: one of a few, by its checksum.

    Args:
        field: The list, or its spelling.
        text: An element.

    >>> from pygent_vec.filters import Field
    >>> element_key(Field(("author", "tags")), "ml")
    '@has.38.author.tags'
    """
    return f"@has.{crc32(text.encode()) % _BUCKETS}.{field}"


def element_value(text: str, held: object = None) -> str:
    """Return what stands under the key of *text*, where *held* stands there already: itself, or `SEVERAL`."""
    return text if len(text) <= _LONGEST and held in (None, text) else SEVERAL
