"""What a manager is configured with: mappings, files, variables and old objects, every key honoured or refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pygent_vec import ConfigError, VectorStoreManager
from pygent_vec.manager import ManagerSettings, settings_from
from pygent_vec.model import IndexSpec

from .manager_support import managed, told

POSTGRES_LIKE = """
from typing import Any
import attrs
from pygent_vec.contract import CONTRACT_VERSION, StoreConfig
from pygent_vec.plugin import BackendSpec, hookimpl
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryStore
from pathlib import Path

SEEN = []

@attrs.frozen(kw_only=True)
class Config(StoreConfig):
    dsn: str | None = None
    schema: str = "vectors"
    pool_size: int = 10
    password: str | None = attrs.field(default=None, repr=False)
    path: Path | None = None

def store(config, *, name, embedder):
    SEEN.append(config)
    return MemoryStore(config, name=name, embedder=embedder)

@hookimpl
def pygent_vec_backend():
    return BackendSpec(name={name!r}, store=store, config=Config,
        capabilities=attrs.evolve(MEMORY_CAPABILITIES, index_kinds=frozenset({{"auto", "flat", "hnsw", "ivf_flat"}})),
        contract_version=CONTRACT_VERSION, summary="Fake.", install_hint="pip install fake")
"""


@pytest.fixture
def shelf(site):
    """A backend with a server's settings; returns the configurations that its stores were made with."""
    site.install("shelf", source=POSTGRES_LIKE.format(name="shelf"))

    def configured(settings, db_manager=None):
        async def story():
            async with VectorStoreManager(settings, db_manager) as manager:
                for name in manager.list_stores():
                    await manager.get_store(name)

        import sys

        from pygent_vec.plugin import backends

        backends().load("shelf")
        seen = sys.modules["fake_shelf"].SEEN
        seen.clear()
        told(story)
        return seen

    return configured


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with nothing above it that a manager would find."""
    directory = tmp_path / "project" / "deep"
    directory.mkdir(parents=True)
    monkeypatch.chdir(directory)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return directory


def names(settings=None):
    return sorted(settings_from(settings).stores)


def test_old_spellings_mean_what_they_meant(shelf):
    settings = {
        "default_type": "shelf",
        "schema": "mine",
        "max_connections": 7,
        "default_collection": "documents",
        "persist_directory": "somewhere",
        "persistent": True,
        "index_type": "IVFFlat",
        "nlist": 100,
    }
    (config,) = shelf(settings)
    assert (config.schema, config.pool_size, config.default_collection) == ("mine", 7, "documents")
    assert config.path == Path("somewhere")
    assert config.default_index == IndexSpec("ivf_flat", options={"nlist": 100})


def test_what_is_not_persistent_has_no_path(shelf):
    (config,) = shelf({"default_type": "shelf", "persist_directory": "somewhere", "persistent": False})
    assert config.path is None


def test_the_default_index_is_what_a_new_collection_gets():
    async def story(manager):
        assert (await manager.create_collection("default", 2)).index == IndexSpec("flat")
        assert (await manager.create_collection("b", 2, index="auto")).index == IndexSpec("auto")

    managed({"default_type": "memory", "index_type": "Flat"}, story)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"default_type": "memory", "max_connections": 3}, "'memory' has no setting 'max_connections'"),
        ({"default_type": "memory", "persist_directory": "x"}, "no setting 'persist_directory'"),
        ({"default_type": "memory", "persistent": False}, "'memory' always keeps its data|leave it out"),
        ({"default_type": "memory", "default_colection": "x"}, "did you mean 'default_collection'"),
        (
            {"default_type": "memory", "index_type": "IVFFlat"},
            "default_index: the backend 'memory' has no index kind",
        ),
        ({"default_type": "memory", "index_type": "LSH"}, "index_type='LSH' has no equivalent"),
        ({"default_type": "memory", "nlist": 3}, "nlist need index_type"),
        ({"default_type": "memory", "index_type": "Flat", "nlist": "many"}, "nlist='many' is not valid"),
        ({"default_type": "memory", "backend": "memory"}, "backend and default_type name a backend twice"),
        ({"defualt_type": "memory"}, "no backend is named.*default_type"),
        ({"default_type": 3}, "default_type=3 is not the name"),
        ({"stores": {"a": "memory"}, "rotes": []}, "no setting 'rotes'; did you mean 'routes'"),
        ({"stores": {"a": "memory"}, "default_store": "b"}, "default_store='b': there is no such store"),
        ({"stores": {"a": 3}}, "the store 'a': give a URL or a mapping"),
        ({"stores": ["a"]}, "stores must be a table"),
        (
            {"stores": {"a": {"backend": "memory", "pth": 1}}},
            "the store 'a': the backend 'memory' has no setting 'pth'",
        ),
        ({"stores": {"a": {"backend": "memory", "embedder": 3}}}, "embedder=3 is neither"),
        ({"stores": {"a": "memory"}, "deadline": 0}, "deadline=0.0 is not valid"),
        ({"stores": {"a": "memory"}, "routes": "a"}, "routes must be a list"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(settings, message):
    with pytest.raises(ConfigError, match=message):
        VectorStoreManager(settings)


def test_old_and_new_names_of_one_setting_are_not_both_taken(shelf):
    with pytest.raises(ConfigError, match="max_connections and pool_size are the same"):
        shelf({"backend": "shelf", "max_connections": 3, "pool_size": 4})
    with pytest.raises(ConfigError, match="persistent=True needs persist_directory"):
        shelf({"backend": "shelf", "persistent": True})
    with pytest.raises(ConfigError, match="persistent='maybe' is not valid"):
        shelf({"backend": "shelf", "persistent": "maybe"})


def test_a_file_is_found_upwards_from_the_working_directory(place):
    (place.parent / "pygent-vec.toml").write_text('[stores.main]\nbackend = "memory"\n')
    assert names() == ["main"]
    (place / "pyproject.toml").write_text("[tool.other]\n")
    assert names() == ["main"]
    (place / "pyproject.toml").write_text('[tool.pygent-vec.stores.near]\nbackend = "memory"\n')
    assert names() == ["near"]


def test_without_a_file_there_the_user_s_own_counts_and_then_none(place, tmp_path):
    assert names() == []
    own = tmp_path / "home" / "pygent-vec"
    own.mkdir(parents=True)
    (own / "pygent-vec.toml").write_text('default_type = "memory"\n')
    assert names() == ["default"]


def test_the_environment_may_name_the_file(place, tmp_path, monkeypatch):
    (place / "pygent-vec.toml").write_text('[stores.near]\nbackend = "memory"\n')
    other = tmp_path / "other.toml"
    other.write_text('[stores.other]\nbackend = "memory"\n')
    monkeypatch.setenv("PYGENT_VEC_CONFIG", str(other))
    assert names() == ["other"]
    assert names(str(place / "pygent-vec.toml")) == ["near"]
    monkeypatch.setenv("PYGENT_VEC_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(ConfigError, match="no such file"):
        names()


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = [", "not valid TOML"), ("\xff", "not valid TOML"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_read_is_named(place, text, message):
    path = place / "mine.toml"
    if text is not None:
        path.write_text(text, "latin-1")
    with pytest.raises(ConfigError, match=f"mine.toml.*{message}"):
        names(path)


def test_paths_in_a_file_are_relative_to_it(place, shelf):
    path = place.parent / "pygent-vec.toml"
    path.write_text('[stores.main]\nbackend = "shelf"\npath = "data/library"\n')
    (config,) = shelf(None)
    assert config.path == place.parent / "data" / "library"
    path.write_text('[stores.main]\nbackend = "shelf"\npath = "/data"\n')
    (config,) = shelf(None)
    assert config.path == Path("/data")


def test_variables_win_over_the_file(place, shelf, monkeypatch):
    (place / "pygent-vec.toml").write_text(
        'default_store = "other"\n[stores.Main-Store]\nbackend = "shelf"\nschema = "file"\npool_size = 2\n'
        '[stores.other]\nbackend = "memory"\n'
    )
    monkeypatch.setenv("PYGENT_VEC_STORES__MAIN_STORE__SCHEMA", "variable")
    monkeypatch.setenv("PYGENT_VEC_STORES__NEW", "memory:?default_collection=notes")
    monkeypatch.setenv("PYGENT_VEC_DEFAULT_STORE", "new")
    monkeypatch.setenv("PYGENT_VEC_RESILIENCE__TIMEOUTS__SEARCH_SIMILAR", "2.5")
    monkeypatch.setenv("PYGENT_VEC_DEADLINE", "4")
    monkeypatch.setenv("PYGENT_VEC_DISABLED_PLUGINS", "nothing")
    monkeypatch.setenv("PYGENT_VEC_SOMETHING_ELSE", "is not ours")
    (config,) = shelf(None)
    assert (config.schema, config.pool_size) == ("variable", 2)
    settings = settings_from(None)
    assert sorted(settings.stores) == ["Main-Store", "new", "other"]
    assert (settings.default_store, settings.deadline) == ("new", 4)
    assert settings.resilience.timeout_of("search_similar") == 2.5


def test_variables_alone_will_do(place, monkeypatch):
    monkeypatch.setenv("PYGENT_VEC_DEFAULT_TYPE", "memory")
    monkeypatch.setenv("PYGENT_VEC_DEFAULT_COLLECTION", "notes")
    settings = settings_from(None)
    assert settings.stores["default"].backend == "memory"
    assert settings.stores["default"].settings == {"default_collection": "notes"}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PYGENT_VEC_STROES__A": "memory"}, "STROES__A names no setting; did you mean PYGENT_VEC_STORES"),
        (
            {"PYGENT_VEC_STORES": "x", "PYGENT_VEC_STORES__A": "memory"},
            "goes on where a shorter one gives a value",
        ),
        ({"PYGENT_VEC_STORES__": "x"}, "names no setting"),
        (
            {"PYGENT_VEC_STORES__A__BACKEND": "memory", "PYGENT_VEC_STORES__A__SCHEMAS": "x"},
            "no setting 'schemas'",
        ),
        ({"PYGENT_VEC_ROUTES": "x"}, "routes must be a list"),
    ],
)
def test_a_variable_that_is_not_understood_is_refused(place, monkeypatch, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        VectorStoreManager()


def test_secrets_are_read_from_where_they_are_kept(place, shelf, monkeypatch):
    (place.parent / "secret").write_text("from a file\n")
    (place.parent / "pygent-vec.toml").write_text(
        '[stores.a]\nbackend = "shelf"\npassword = {file = "secret"}\n'
        '[stores.b]\nbackend = "shelf"\npassword = {env = "MY_PASSWORD"}\n'
    )
    monkeypatch.setenv("MY_PASSWORD", "from a variable")
    monkeypatch.setenv("PYGENT_VEC_STORES__C__BACKEND", "shelf")
    monkeypatch.setenv("PYGENT_VEC_STORES__C__PASSWORD__ENV", "MY_PASSWORD")
    assert [config.password for config in shelf(None)] == [
        "from a file",
        "from a variable",
        "from a variable",
    ]


@pytest.mark.parametrize(
    "line",
    [
        'password = "hunter2"',
        'dsn = "postgresql://me:hunter2@host/db"',
        'dsn = "postgresql://host/db?user=me&password=hunter2"',
        'headers = {authorization = "hunter2"}',
        'backend = "shelf:x?auth_token=hunter2"',
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_repeated(place, line):
    backend = "" if line.startswith("backend") else 'backend = "shelf"\n'
    (place / "pygent-vec.toml").write_text(f"[stores.a]\n{backend}{line}\n")
    with pytest.raises(ConfigError, match="keep it elsewhere and refer to it") as caught:
        VectorStoreManager()
    assert "hunter2" not in str(caught.value)


def test_a_secret_in_a_variable_is_refused_and_an_address_without_one_is_not(place, shelf, monkeypatch):
    monkeypatch.setenv("PYGENT_VEC_STORES__A__BACKEND", "shelf")
    monkeypatch.setenv("PYGENT_VEC_STORES__A__DSN", "postgresql://me@host/db")
    (config,) = shelf(None)
    assert config.dsn == "postgresql://me@host/db"
    monkeypatch.setenv("PYGENT_VEC_STORES__A__PASSWORD", "hunter2")
    with pytest.raises(ConfigError, match="password holds a secret") as caught:
        VectorStoreManager()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "backend", "settings"),
    [
        ({"ASYNC_DATABASE_URL": "sqlite+aiosqlite:///x.db"}, "faiss", {"persist_directory": "./faiss_db"}),
        (
            {"ASYNC_DATABASE_URL": "sqlite:///x.db", "VECTOR_STORE_PATH": "v"},
            "faiss",
            {"persist_directory": "v"},
        ),
        (
            {"ASYNC_DATABASE_URL": "postgresql+asyncpg://u:p@h/d", "schema": "s", "max_connections": 4},
            "postgresql",
            {"dsn": "postgresql://u:p@h/d", "schema": "s", "max_connections": 4},
        ),
        (
            {"default_type": "chromadb", "persist_directory": "c", "ASYNC_DATABASE_URL": "sqlite://"},
            "chromadb",
            {"persist_directory": "c"},
        ),
    ],
)
def test_an_old_settings_object_is_read_by_its_attributes(attributes, backend, settings):
    (store,) = settings_from(SimpleNamespace(**attributes)).stores.values()
    assert (store.backend, store.settings) == (backend, settings)


def test_an_old_settings_object_may_name_its_collection_for_all_backends():
    old = SimpleNamespace(
        ASYNC_DATABASE_URL="sqlite:///x.db", vector=SimpleNamespace(CHROMADB_COLLECTION_NAME="documents")
    )
    (store,) = settings_from(old).stores.values()
    assert store.settings["default_collection"] == "documents"


def test_an_object_that_tells_nothing_is_refused():
    with pytest.raises(ConfigError, match="SimpleNamespace tell nothing about a store"):
        settings_from(SimpleNamespace(unrelated=1))


class Address:
    def render_as_string(self, *, hide_password):
        return f"postgresql+asyncpg://u:{'***' if hide_password else 'p'}@h/d"


@pytest.mark.parametrize(
    "db_manager",
    [
        "postgresql://u:p@h/d",
        SimpleNamespace(database_url="postgresql+psycopg://u:p@h/d"),
        SimpleNamespace(engine=SimpleNamespace(url=Address())),
        SimpleNamespace(settings=SimpleNamespace(DATABASE_URL="postgresql://u:p@h/d")),
    ],
)
def test_a_database_manager_gives_the_address_to_postgresql_stores_that_have_none(db_manager):
    settings = {
        "stores": {
            "plain": {"backend": "postgresql"},
            "own": {"backend": "postgres", "host": "elsewhere"},
            "other": {"backend": "memory"},
        }
    }
    stores = settings_from(settings, db_manager).stores
    assert stores["plain"].settings == {"dsn": "postgresql://u:p@h/d"}
    assert stores["own"].settings == {"host": "elsewhere"}
    assert stores["other"].settings == {}


def test_a_database_manager_without_an_address_is_refused():
    with pytest.raises(ConfigError, match="has no address of a database"):
        settings_from({}, SimpleNamespace())
    assert settings_from({"backend": "postgresql"}, "sqlite:///x").stores["default"].settings == {}


def test_settings_that_are_settings_already_stay_the_same():
    settings = ManagerSettings()
    assert settings_from(settings) is settings
