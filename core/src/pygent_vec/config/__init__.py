"""Configuration: settings, checked, become a backend's configuration; names and URLs become stores."""

from pygent_vec.config._loader import config_from, settings_from_url
from pygent_vec.config._open import open_store

__all__ = ["config_from", "open_store", "settings_from_url"]
