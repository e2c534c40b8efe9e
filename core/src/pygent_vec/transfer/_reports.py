"""What moves report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from pygent_vec.model import JsonObject

__all__ = ["CopyProgress", "CopyReport", "Difference", "MirrorReport", "MoveReport", "Phase", "Verification"]

Phase: TypeAlias = Literal["copying", "verifying"]


@attrs.frozen(kw_only=True)
class CopyProgress:
    """How far a copy has come.

    Attributes:
        phase: Whether it copies or compares.
        collection: The source's collection.
        done: Documents of this phase so far, an earlier run's too.
        total: How many there will be; None where only reading can tell.
    """

    phase: Phase
    collection: str
    done: int
    total: int | None


@attrs.frozen(kw_only=True)
class MoveReport:
    """What has been moved.

    Attributes:
        source: The source's label.
        target: The target's label.
        documents: How many were read, by earlier runs of the same move too.
        resumed: How many of them an earlier run had moved.
        written: How many this run wrote; fewer than it read where documents were skipped.
        digest: Of all documents read, 32 hexadecimal digits; None where it was not asked for.
        seconds: How long this run took.
        notes: What a person should know.
    """

    source: str
    target: str
    documents: int
    resumed: int
    written: int
    digest: str | None
    seconds: float
    notes: tuple[str, ...] = ()

    def to_dict(self) -> JsonObject:
        """Return the report as a JSON object."""
        return {**attrs.asdict(self), "notes": list(self.notes)}


@attrs.frozen(kw_only=True)
class Difference:
    """A document that is not the same on both sides.

    Attributes:
        id: Its id.
        fields: What differs, such as `("metadata", "updated_at")`.
    """

    id: str
    fields: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Verification:
    """How two collections compare.

    Attributes:
        documents: How many of the source were compared.
        others: How many the target has beside them, where that is expected.
        missing: How many the target lacks.
        extra: How many the target has too many.
        different: How many are not the same, bit for bit.
        kept: How many differ because `on_conflict="skip"` left the target's as they were.
        missing_ids: The first of them, in id order; at most 20, here and below.
        extra_ids: The first of the documents that are too many.
        differences: The first of the different ones, with what differs.
        kept_ids: The first of the kept ones.
        source_digest: Of the source's documents.
        target_digest: Of the target's documents with the same ids.
        queries: How many searches had their ranked answers compared.
        misranked: The documents by whose vector the two sides answered differently.
        notes: What was compared less strictly, or not at all, and why.
    """

    documents: int
    others: int
    missing: int
    extra: int
    different: int
    kept: int
    missing_ids: tuple[str, ...]
    extra_ids: tuple[str, ...]
    differences: tuple[Difference, ...]
    kept_ids: tuple[str, ...]
    source_digest: str
    target_digest: str
    queries: int
    misranked: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing was found that should not be."""
        return not (self.missing or self.extra or self.different or self.misranked)

    def to_dict(self) -> JsonObject:
        """Return the report as a JSON object, with `same`."""
        return {"same": self.same, **_listed(attrs.asdict(self))}


@attrs.frozen(kw_only=True)
class CopyReport:
    """What a copy did, or would do.

    Attributes:
        source: The source's label.
        target: The target's label.
        documents: How many the source had when the copy began, after the filter.
        creates: Whether the collection was not there before.
        before: How many documents the target had before.
        moved: What was moved; None for a dry run.
        verification: How both sides compare afterwards; None where that was not asked for.
        changed: Whether the source was changed while it was read. A copy with `on_conflict="overwrite"`
            catches up; what was deleted from the source is named as extra and stays in the target.
        notes: What a person should know.
    """

    source: str
    target: str
    documents: int
    creates: bool
    before: int
    moved: MoveReport | None
    verification: Verification | None
    changed: bool
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the verification found nothing, if there was one."""
        return self.verification is None or self.verification.same

    def to_dict(self) -> JsonObject:
        """Return the report as a JSON object, with `ok`."""
        return {
            "ok": self.ok,
            "source": self.source,
            "target": self.target,
            "documents": self.documents,
            "creates": self.creates,
            "before": self.before,
            "moved": None if self.moved is None else self.moved.to_dict(),
            "verification": None if self.verification is None else self.verification.to_dict(),
            "changed": self.changed,
            "notes": list(self.notes),
        }


@attrs.frozen(kw_only=True)
class MirrorReport:
    """How a mirror was filled, and how both sides compare.

    Attributes:
        collection: Its name.
        source: The name of the store that it is in.
        target: The name of the store that mirrors it.
        written: Documents that were written to the target, beside those that were written meanwhile.
        deleted: Documents that were deleted from the target, because the source has none of their ids.
        documents: How many were compared.
        missing: The ids that the target lacks; the first 20, here and below.
        extra: The ids that only the target has.
        differences: What both have and is not the same.
        notes: What a person should know.
    """

    collection: str
    source: str
    target: str
    written: int
    deleted: int
    documents: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both sides hold the same."""
        return not (self.missing or self.extra or self.differences)

    def to_dict(self) -> JsonObject:
        """Return the report as a JSON object, with `same`."""
        return {"same": self.same, **_listed(attrs.asdict(self))}


def _listed(value: JsonObject) -> JsonObject:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in value.items()}
