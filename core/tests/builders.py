"""Short spellings of documents, queries and answers."""

from pygent_vec import VectorDocument, VectorQuery

HERE = [0, 0]


def query(**changes):
    return VectorQuery(**{"query_vector": HERE, **changes})


def found(results):
    return [result.document.id for result in results]


def document(one, **changes):
    return VectorDocument(**{"id": str(one), "embedding": [1, 0], **changes})


def documents(count):
    return [document(number) for number in range(count)]


def ids(count):
    return [str(number) for number in range(count)]
