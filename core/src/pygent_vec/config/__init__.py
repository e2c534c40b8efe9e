"""Configuration: settings, checked, become a backend's configuration; names and URLs become stores."""

from pygent_vec.config._environment import environment_settings, merged
from pygent_vec.config._files import CONFIG_VARIABLE, FILE_NAME, find_file, read_file
from pygent_vec.config._loader import config_from, settings_from_url
from pygent_vec.config._open import open_store
from pygent_vec.config._references import refuse_literal_secrets, unresolved
from pygent_vec.config._spellings import BACKEND_KEYS, OLD_KEYS
from pygent_vec.config._store import check_keys, store_config
from pygent_vec.config._tables import table_as

__all__ = [
    "BACKEND_KEYS",
    "CONFIG_VARIABLE",
    "FILE_NAME",
    "OLD_KEYS",
    "check_keys",
    "config_from",
    "environment_settings",
    "find_file",
    "merged",
    "open_store",
    "read_file",
    "refuse_literal_secrets",
    "settings_from_url",
    "store_config",
    "table_as",
    "unresolved",
]
