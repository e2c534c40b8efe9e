"""Copying a collection: everything is there afterwards, or a report or an error says what is not."""

import json

import pytest

from pygent_vec import DistanceMetric, IndexSpec
from pygent_vec.errors import (
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigError,
    DocumentExistsError,
    InvalidFilterError,
    UnsupportedFeatureError,
)
from pygent_vec.transfer import copy, copy_all

from .transfer_support import DIMENSION, DurableMemory, between, document, filled, held


def test_a_copy_holds_every_field_bit_for_bit():
    async def story(left, right):
        await filled(left, 25)
        report = await copy(left, right, batch_size=10)
        info = await right.get_collection_info("default")
        assert report.ok
        assert await held(right) == await held(left)
        assert (info.distance_metric, info.metadata) == (DistanceMetric.EUCLIDEAN, {"made": "for tests"})
        assert (report.documents, report.moved.documents, report.moved.written) == (25, 25, 25)
        assert report.moved.digest == report.verification.source_digest == report.verification.target_digest
        assert report.verification.queries == 20
        assert json.loads(json.dumps(report.to_dict()))["ok"]

    between(story)


def test_an_empty_collection_is_copied_with_what_it_was_made_with():
    async def story(left, right):
        report = await copy(left, right, to="other")
        assert report.ok
        assert (await right.get_collection_info("other")).dimension == DIMENSION

    between(story)


def test_a_filter_chooses_what_is_copied():
    async def story(left, right):
        await filled(left, 25)
        report = await copy(left, right, where={"@chunk_index": {"$lt": 7}}, batch_size=5)
        assert report.ok
        assert report.verification.queries == 7
        assert sorted(await held(right)) == [f"doc-{number:05}" for number in range(7)]

    between(story)


def test_progress_is_told_in_both_phases():
    async def story(left, right):
        await filled(left, 25)
        seen = []
        await copy(
            left, right, batch_size=10, on_progress=lambda now: seen.append((now.phase, now.done, now.total))
        )
        assert seen == [
            *(("copying", done, 25) for done in (0, 10, 20, 25)),
            *(("verifying", done, 25) for done in (10, 20, 25)),
        ]

    between(story)


def test_a_rate_limit_is_kept():
    async def story(left, right):
        await filled(left, 30)
        report = await copy(left, right, batch_size=10, rate_limit=100)
        assert report.moved.seconds >= 0.3
        with pytest.raises(ConfigError, match="rate_limit=0"):
            await copy(left, right, rate_limit=0)

    between(story)


def test_a_dry_run_writes_nothing_and_says_what_would_be():
    async def story(left, right):
        await filled(left, 3)
        report = await copy(left, right, dry_run=True)
        assert (report.documents, report.creates, report.before, report.moved) == (3, True, 0, None)
        assert await right.list_collections() == []

    between(story)


@pytest.mark.parametrize("dry_run", [False, True])
def test_ids_that_the_target_has_are_refused_before_anything_is_written(dry_run):
    async def story(left, right):
        await filled(left, 25)
        await copy(left, right, where={"@chunk_index": 24})
        with pytest.raises(DocumentExistsError, match="doc-00024"):
            await copy(left, right, batch_size=5, dry_run=dry_run)
        assert len(await held(right)) == 1

    between(story)


def test_the_documents_of_a_target_that_are_no_conflict_stay():
    async def story(left, right):
        await filled(left, 5)
        await right.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        await right.add_documents([document(99)])
        report = await copy(left, right)
        assert report.ok
        assert (report.before, report.verification.others, len(await held(right))) == (1, 1, 6)
        assert (
            "only the source's ids are compared; the target has 1 other documents"
            in report.verification.notes
        )

    between(story)


def test_skip_keeps_what_was_there_and_names_it():
    async def story(left, right):
        await filled(left, 5)
        await right.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        await right.add_documents([document(3, content="mine")])
        report = await copy(left, right, on_conflict="skip")
        assert report.ok
        assert (report.moved.documents, report.moved.written) == (5, 4)
        assert (report.verification.kept, report.verification.kept_ids) == (1, ("doc-00003",))
        assert (await right.get_document("doc-00003")).content == "mine"

    between(story)


def test_overwrite_replaces_what_was_there():
    async def story(left, right):
        await filled(left, 5)
        await right.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        await right.add_documents([document(3, content="mine")])
        assert (await copy(left, right, on_conflict="overwrite")).ok
        assert await held(right) == await held(left)

    between(story)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"collection": "defaults"}, CollectionNotFoundError, "did you mean 'default'"),
        ({"where": {"year": {"$gte": 1, "x": 2}}}, InvalidFilterError, "year"),
        ({"on_conflict": "ignore"}, ConfigError, "on_conflict='ignore'"),
        ({"batch_size": 0}, ConfigError, "batch_size"),
        ({"to": "bad name"}, ConfigError, "bad name"),
        ({"to": "narrow"}, CollectionMismatchError, "dimension 2"),
        ({"to": "cosine"}, CollectionMismatchError, "metric cosine"),
    ],
)
def test_what_cannot_be_is_refused_with_words(arguments, error, words):
    async def story(left, right):
        await filled(left, 3)
        await right.create_collection("narrow", 2, DistanceMetric.EUCLIDEAN)
        await right.create_collection("cosine", DIMENSION)
        with pytest.raises(error, match=words):
            await copy(left, right, **arguments)
        assert await right.list_collections() == ["cosine", "narrow"]

    between(story)


@pytest.mark.parametrize(
    ("lacks", "words"),
    [
        ({"metrics": frozenset({DistanceMetric.COSINE})}, "no metric 'euclidean'"),
        ({"max_dimension": 3}, "at most 3 dimensions"),
    ],
)
def test_what_the_target_cannot_hold_is_refused_before_anything_is_written(lacks, words):
    async def story(left, right):
        await filled(left, 3)
        with pytest.raises(UnsupportedFeatureError, match=words):
            await copy(left, right)
        assert await right.list_collections() == []

    between(story, right=DurableMemory(**lacks))


def test_an_index_that_the_target_lacks_becomes_its_own_and_that_is_told():
    async def story(left, right):
        await left.create_collection("indexed", DIMENSION, index=IndexSpec("flat", options={"m": 3}))
        report = await copy(left, right, collection="indexed")
        assert report.ok
        assert any("index 'flat'" in note for note in report.notes), report.notes
        assert (await right.get_collection_info("indexed")).index.kind == "auto"

    between(story, right=DurableMemory(index_kinds=frozenset({"auto"})))


def test_a_collection_is_not_copied_to_itself_but_may_be_under_another_name():
    async def story(left, _):
        await filled(left, 3)
        with pytest.raises(ConfigError, match="to itself"):
            await copy(left, left)
        assert (await copy(left, left, to="second")).ok
        assert await held(left, "second") == await held(left)

    between(story)


def test_a_collection_that_two_stores_share_is_not_copied_to_itself():
    def shared():
        return DurableMemory(multi_process=True)

    async def story(left, right):
        await filled(left, 3)
        right._data = left._data
        with pytest.raises(ConfigError, match="are the same collection"):
            await copy(left, right)

    between(story, left=shared(), right=shared())


def test_what_the_target_garbles_is_named_with_its_fields():
    class Garbling(DurableMemory):
        def _write(self, spec, batch, mode, *, preserve_created):
            batch.contents[3] = "garbled"
            batch.metadatas[4]["int"] = 1.0
            batch.vectors[5, 0] += 1
            batch.updated_at[6] += 1
            return super()._write(spec, batch, mode, preserve_created=preserve_created)

    async def story(left, right):
        await filled(left, 10)
        report = await copy(left, right)
        assert not report.ok
        assert not report.changed
        assert {one.id[-1]: one.fields for one in report.verification.differences} == {
            "3": ("content",),
            "4": ("metadata",),
            "5": ("embedding",),
            "6": ("updated_at",),
        }

    between(story, right=Garbling())


def test_what_the_target_loses_is_named():
    class Losing(DurableMemory):
        def _write(self, spec, batch, mode, *, preserve_created):
            written = super()._write(spec, batch, mode, preserve_created=preserve_created)
            self._delete(spec, batch.ids[:1])
            return written

    async def story(left, right):
        await filled(left, 10)
        report = await copy(left, right, batch_size=5)
        assert (report.ok, report.verification.missing_ids) == (False, ("doc-00000", "doc-00005"))
        assert "ranked answers are not compared" in report.verification.notes[-1]

    between(story, right=Losing())


def test_a_target_that_ranks_otherwise_is_found_out():
    class Misranking(DurableMemory):
        def _search(self, spec, request):
            (*hits,) = super()._search(spec, request)
            hits[0].distances[1:] += 1
            return hits

    async def story(left, right):
        await filled(left, 10)
        report = await copy(left, right)
        assert not report.ok
        assert len(report.verification.misranked) == 1

    between(story, right=Misranking())


def test_every_collection_is_checked_before_the_first_is_written():
    async def story(left, right):
        await filled(left, 3)
        await left.create_collection("second", 2)
        await right.create_collection("second", 3)
        with pytest.raises(CollectionMismatchError):
            await copy_all(left, right)
        assert await right.list_collections() == ["second"]
        await right.delete_collection("second")
        reports = await copy_all(left, right)
        assert [(one.ok, one.documents) for one in reports] == [(True, 3), (True, 0)]

    between(story)
