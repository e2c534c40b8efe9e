"""The examples at the end of each command's help."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["examples"]

_EXAMPLES: Mapping[str, list[tuple[str, str]]] = {
    "": [
        ("Show what a vector store does, on real data: some seconds, no network", "demo"),
        ("Which backends are there, and how are the others installed?", "backends"),
        (
            "Search a store that an application has filled",
            "search faiss:library articles 'the history of tea'",
        ),
        (
            "Complete commands and options with the tab key, from the next shell on",
            "--install-completion",
        ),
    ],
    "backends": [
        ("What is installed, and does it work?", "backends"),
        (
            "The names of those that work",
            "backends --json | jq -r '.backends[] | select(.status==\"ready\").name'",
        ),
    ],
    "collections": [
        ("A store in a directory below this one", "collections faiss:library"),
        ("A store by its absolute path", "collections faiss:///var/lib/library"),
    ],
    "stats": [
        ("How large is the store, and is it well?", "stats faiss:library"),
        ("How many documents it holds, for a script", "stats faiss:library --json | jq .document_count"),
    ],
    "doctor": [
        ("Are the stores of ./pygent-vec.toml well?", "doctor"),
        (
            "For a machine",
            "doctor production.toml --json | jq -r '.stores | to_entries[] | \"\\(.key) \\(.value.status)\"'",
        ),
    ],
    "search": [
        ("By text", "search faiss:library articles 'the history of tea'"),
        (
            "Only among the documents with certain metadata",
            'search faiss:library articles tea --filter \'{"year": {"$gte": 2020}}\'',
        ),
        (
            "By a vector from a file, compared with every document",
            "search faiss:library articles --vector @tea.json --exact",
        ),
    ],
    "copy": [
        ("Every collection of a directory into a database", "copy faiss:library postgresql:///books"),
        ("One of them, under another name", "copy faiss:library faiss:other --collection articles --to old"),
        ("Could it be copied?", "copy faiss:library chromadb:other --dry-run"),
    ],
    "export": [
        (
            "A collection into a file for data frames",
            "export faiss:library articles.parquet --collection articles",
        ),
        (
            "Some of its documents, as text",
            'export faiss:library --where \'{"year": {"$gte": 2020}}\' new.jsonl.gz',
        ),
        ("Their ids", "export faiss:library - | jq -r 'select(.id).id'"),
    ],
    "import_": [
        ("What an export has written", "import articles.parquet postgresql:///books"),
        (
            "A table of somebody else's, by its columns",
            "import train.parquet faiss:library --id-column key --vector-column emb",
        ),
        ("Is a file in order?", "import articles.jsonl faiss:library --dry-run --max-errors 1000"),
        ("A table with pgvector", "import pgvector:postgresql:///app faiss:library --table public.items"),
        ("A folder of LangChain", "import langchain:index faiss:library"),
    ],
    "demo": [
        ("In a temporary directory, which is removed at the end", "demo"),
        ("Keep the store", "demo --path library"),
        ("Ask the kept store the same questions again", "demo --path library --queries"),
    ],
    "conformance": [
        ("Does a backend keep the contract?", "conformance memory"),
        ("Thoroughly, and with a report", "conformance faiss --profile full --report report"),
    ],
    "new_plugin": [
        ("A package pygent-vec-shelf in a directory of this name", "new-plugin shelf"),
        ("Elsewhere", "new-plugin shelf --directory ~/code/shelf"),
    ],
}
"""By command, what each of its examples does and the line that does it."""


def examples(command: str = "") -> str:
    """Return the examples of *command*; of the whole program, if none is named."""
    lines = [f"  # {purpose}\n  pygent-vec {line}" for purpose, line in _EXAMPLES[command]]
    # Paragraphs are wrapped, but for those that begin with a backspace.
    return "\n\n".join(f"\b\n{text}" for text in ("Examples:", *lines))
