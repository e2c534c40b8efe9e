"""`pygent-vec search`: a search by text or by vector."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pygent_vec.cli._opening import existing_store
from pygent_vec.cli._options import AsJson, EmbedderName, StoreUrl, Traceback
from pygent_vec.cli._output import (
    Cell,
    Column,
    errors_reported,
    first_line,
    print_json,
    print_line,
    print_table,
)
from pygent_vec.cli._values import json_object, json_value
from pygent_vec.errors import ConfigError
from pygent_vec.model import VectorDocument, VectorQuery, VectorSearchResult
from pygent_vec.plugin import embedders
from pygent_vec.sync import SyncVectorStore

__all__ = ["search"]


_Collection: TypeAlias = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="The collection to search.", show_default=False)
]
_Text: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="TEXT", help="What to search for; an embedder turns it into a vector."),
]
_Threshold: TypeAlias = Annotated[
    float | None, typer.Option(help="Leave out results with a lower similarity score.")
]
_Exact: TypeAlias = Annotated[
    bool, typer.Option("--exact", help="Compare with every document instead of using the index.")
]
_VectorText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help="A vector instead of TEXT, such as '[0.1, 0.2]'; @FILE reads a file, @- the input.",
    ),
]
_FilterText: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="JSON", help='Which documents may answer, such as \'{"year": {"$gte": 2020}}\'.'),
]


def search(
    url: StoreUrl,
    collection: _Collection,
    text: _Text = None,
    *,
    vector: _VectorText = None,
    filter: _FilterText = None,
    limit: Annotated[int, typer.Option(help="How many results to show.")] = 10,
    offset: Annotated[int, typer.Option(help="How many results to pass over first.")] = 0,
    threshold: _Threshold = None,
    exact: _Exact = False,
    embedder: EmbedderName = None,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Search a collection and show the nearest documents.

    The best comes first; a higher score is better. A filter has the same meaning on every backend,
    and never costs results.
    """
    if (text is None) == (vector is None):
        raise typer.BadParameter("give either TEXT or --vector", param_hint="TEXT")
    numbers = None if vector is None else _vector(vector)
    condition = (
        None if filter is None else json_object(filter, "--filter", example='{"year": {"$gte": 2020}}')
    )
    with errors_reported(traceback=traceback):
        with existing_store(url) as store:
            query = VectorQuery(
                query_vector=numbers if text is None else _embedded(store, collection, text, embedder),
                collection=collection,
                limit=limit,
                offset=offset,
                similarity_threshold=threshold,
                metadata_filter=condition,
                exact=exact,
            )
            results = store.search_similar(query)
        _show(collection, results, as_json=as_json)


def _vector(text: str) -> list[float]:
    """Return the numbers that the option's value gives, or that a file holds."""
    source = text
    if text.startswith("@"):
        try:
            source = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"cannot read {text[1:]}: {error}", param_hint="--vector") from error
    numbers = json_value(source, "--vector")
    if not isinstance(numbers, list) or not all(
        isinstance(one, (int, float)) and not isinstance(one, bool) for one in numbers
    ):
        raise typer.BadParameter("not a JSON list of numbers", param_hint="--vector")
    return numbers


def _embedded(store: SyncVectorStore, collection: str, text: str, name: str | None) -> Sequence[float]:
    """Return the vector of *text*.

    Raises:
        ConfigError: no embedder is known, or it is not the one that made the documents' vectors.
    """
    recorded = store.get_collection_info(collection).metadata
    chosen = name or _recorded_name(recorded) or _only_embedder()
    embedder = embedders().load(chosen).embedder()
    model = recorded.get("embedder_model")
    if name is None and isinstance(model, str) and model != embedder.model:
        raise ConfigError(
            f"the collection {collection!r} was embedded with the model {model!r}, and the embedder "
            f"{chosen!r} has {embedder.model!r}; name the right one with --embedder"
        )
    vector: Sequence[float] = embedder.embed([text])[0].tolist()
    return vector


def _recorded_name(metadata: Mapping[str, object]) -> str | None:
    name = metadata.get("embedder")
    return name if isinstance(name, str) else None


def _only_embedder() -> str:
    installed = list(embedders().offers())
    if len(installed) == 1:
        return installed[0]
    if installed:
        raise ConfigError(f"several embedders are installed ({', '.join(installed)}); choose with --embedder")
    commands = " or ".join(embedders().missing().values()) or "a plugin's own command"
    raise ConfigError(f"no embedder is installed; install one with: {commands}; or search with --vector")


def _show(collection: str, results: list[VectorSearchResult], *, as_json: bool) -> None:
    if as_json:
        found = [
            {
                "rank": one.rank,
                "similarity_score": one.similarity_score,
                "distance": one.distance,
                "document": one.document.to_dict(),
            }
            for one in results
        ]
        print_json({"collection": collection, "results": found})
    elif not results:
        print_line("No document matches.")
    else:
        columns = [
            Column("#", "right"),
            Column("Score", "right"),
            Column("Document"),
            Column("Text", cut=True),
        ]
        print_table(columns, map(_row, results))


def _row(result: VectorSearchResult) -> tuple[str, str, Cell, str]:
    document = result.document
    return str(result.rank), f"{result.similarity_score:.3f}", Cell(document.id, "bold"), _text(document)


def _text(document: VectorDocument) -> str:
    """Return a document's first line, and below it its metadata."""
    metadata = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in document.metadata.items()
    )
    lines = (document.title or first_line(document.content), metadata)
    return "\n".join(line for line in lines if line)
