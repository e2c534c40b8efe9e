"""Configuration: settings and URLs become a backend's configuration, and nothing is guessed."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

import attrs
import pytest

from pygent_vec import ConfigError
from pygent_vec.config import config_from, open_store, settings_from_url
from pygent_vec.contract import CONTRACT_VERSION, StoreConfig
from pygent_vec.plugin import BackendSpec
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryStore


class Mode(StrEnum):
    FAST = "fast"
    SAFE = "safe"


def positive(instance, attribute, value):
    if value < 1:
        raise ValueError(f"{attribute.name} must be positive, got {value}")


@attrs.frozen(kw_only=True)
class ShelfConfig(StoreConfig):
    path: Path
    width: int = attrs.field(default=1, validator=positive)
    ratio: float = 1.0
    read_only: bool = False
    title: str | None = None
    mode: Mode = Mode.SAFE
    kind: Literal["flat", "graph"] = "flat"
    pin: int = attrs.field(default=1, validator=positive)
    api_key: int = 0
    password: str = attrs.field(default="", validator=attrs.validators.matches_re(r"[a-z0-9]*"), repr=False)


def spec(name="shelf", **changes):
    return BackendSpec(
        **{
            "name": name,
            "store": lambda config, *, name, embedder: MemoryStore(config, name=name, embedder=embedder),
            "config": ShelfConfig,
            "capabilities": MEMORY_CAPABILITIES,
            "contract_version": CONTRACT_VERSION,
            "summary": "",
            "install_hint": "",
            **changes,
        }
    )


def configured(**settings):
    return config_from(spec(), {"path": "/data", **settings})


def test_settings_become_the_backend_s_own_class():
    assert configured() == ShelfConfig(path=Path("/data"))
    assert configured(path=Path("/x"), width=3, default_collection="notes") == ShelfConfig(
        path=Path("/x"), width=3, default_collection="notes"
    )


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("width", "12", 12),
        ("width", 12, 12),
        ("ratio", "0.5", 0.5),
        ("ratio", 2, 2.0),
        ("read_only", "true", True),
        ("read_only", "No", False),
        ("read_only", "0", False),
        ("read_only", True, True),
        ("title", "x", "x"),
        ("title", None, None),
        ("mode", "fast", Mode.FAST),
        ("mode", Mode.FAST, Mode.FAST),
        ("kind", "graph", "graph"),
        ("path", "rel/dir", Path("rel/dir")),
    ],
)
def test_text_is_read_as_the_field_s_type(key, text, value):
    kept = getattr(configured(**{key: text}), key)
    assert kept == value
    assert type(kept) is type(value)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("width", "twelve", "width='twelve' is not valid"),
        ("width", 1.5, "use an integer"),
        ("width", True, "use an integer"),
        ("width", None, "use an integer"),
        ("ratio", "half", "ratio='half' is not valid"),
        ("ratio", True, "ratio=True is not valid"),
        ("ratio", "nan", "ratio='nan' is not valid"),
        ("ratio", "inf", "ratio='inf' is not valid"),
        ("read_only", "maybe", "use true or false"),
        ("read_only", 2, "use true or false"),
        ("default_collection", 5, "use a string"),
        ("title", 5, "title=5 is not valid"),
        ("mode", "fst", "mode='fst' is not valid"),
        ("mode", 1, "mode=1 is not valid"),
        ("kind", "tree", "kind='tree' is not valid"),
        ("path", 5, "path=5 is not valid"),
        ("width", 0, "width must be positive, got 0"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_key_value_and_reason(key, value, reason):
    with pytest.raises(ConfigError) as caught:
        configured(**{key: value})
    assert "'shelf'" in str(caught.value)
    assert reason in str(caught.value)


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(
        ConfigError, match=r"'shelf' has no setting 'widht'; did you mean 'width'.*Known: .*ratio"
    ):
        configured(widht=1)


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="'shelf' needs the setting 'path'"):
        config_from(spec(), {})


def chain(error):
    """Return everything that a traceback of *error* would show."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("key", "value"),
    [("api_key", "hunter2"), ("password", 5), ("password", "HUNTER2 is secret"), ("password", ["hunter2"])],
)
def test_a_secret_is_never_shown(key, value):
    with pytest.raises(ConfigError) as caught:
        configured(**{key: value})
    assert key in str(caught.value)
    assert "hunter2" not in chain(caught.value).lower()


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("shelf:", {}),
        ("shelf:///data/dir", {"path": "/data/dir"}),
        ("shelf:/data/dir", {"path": "/data/dir"}),
        ("shelf:rel/dir", {"path": "rel/dir"}),
        ("shelf:./dir", {"path": "./dir"}),
        ("shelf:///data/a%20b%3F", {"path": "/data/a b?"}),
        ("shelf:///data?width=3&title=a%26b", {"path": "/data", "width": "3", "title": "a&b"}),
        ("shelf:?path=x", {"path": "x"}),
        ("shelf:?title=", {"title": ""}),
    ],
)
def test_a_url_names_settings(url, settings):
    assert settings_from_url(spec(), url) == settings


@pytest.mark.parametrize("name", ["my_shelf", "shelf2", "my-shelf", "my.shelf", "2shelf"])
def test_a_url_may_begin_with_any_backend_s_name(name):
    assert settings_from_url(spec(name), f"{name}:/data?width=2") == {"path": "/data", "width": "2"}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("shelf://host/path", "write shelf:///absolute/path or shelf:relative/path"),
        ("shelf:///path#part", "fragment"),
        ("shelf:/a?width=1&width=2", "'width' twice"),
        ("shelf:/a?path=b", "'path' twice"),
        ("shelf:/a?width", "width"),
        ("shelf://[bad", "URL"),
    ],
)
def test_a_url_that_says_something_else_is_refused(url, message):
    with pytest.raises(ConfigError) as caught:
        settings_from_url(spec(), url)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "memory://me:hunter2@host/x",
        "memory:/x?password=hunter2&password=hunter2",
        "memory://me:hunter2@[bad/x",
        "memory:/x?password=hunter2#f",
        "memory:/x?password=hunter2&bad",
    ],
)
def test_a_url_s_secret_is_never_shown(url):
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert "hunter2" not in chain(caught.value)


def test_a_backend_may_read_its_own_urls():
    own = spec(url_settings=lambda url: {"path": url.upper()})
    assert settings_from_url(own, "shelf://host/db") == {"path": "SHELF://HOST/DB"}


def test_arguments_win_over_the_url():
    assert open_store("memory:?default_collection=a", default_collection="b").name == "memory"
    with pytest.raises(ConfigError, match="default_collection=5"):
        open_store("memory:?default_collection=a", default_collection=5)


def test_an_unknown_setting_of_an_installed_backend_is_refused():
    with pytest.raises(ConfigError, match="'memory' has no setting 'path'"):
        open_store("memory", path="/x")


@pytest.mark.parametrize("backend", ["", None, 5, b"memory"])
def test_what_is_no_name_of_a_backend_is_refused(backend):
    with pytest.raises(ConfigError, match="a backend's name or a URL"):
        open_store(backend)
