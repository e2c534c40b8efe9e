"""Many stores: configured together, routed by collection, searched at once."""

from pygent_vec.manager._federation import Fusion
from pygent_vec.manager._following import Follower
from pygent_vec.manager._making import configured_store, store_from
from pygent_vec.manager._manager import VectorStoreManager
from pygent_vec.manager._reading import settings_from, store_settings_from
from pygent_vec.manager._reports import FederatedAnswer, FusedResult, GlobalStats, ManagerHealth, StoreAnswer
from pygent_vec.manager._routing import RouteExplanation
from pygent_vec.manager._settings import ManagerSettings, Resilience, Route, StoreSettings

__all__ = [
    "FederatedAnswer",
    "Follower",
    "FusedResult",
    "Fusion",
    "GlobalStats",
    "ManagerHealth",
    "ManagerSettings",
    "Resilience",
    "Route",
    "RouteExplanation",
    "StoreAnswer",
    "StoreSettings",
    "VectorStoreManager",
    "configured_store",
    "settings_from",
    "store_from",
    "store_settings_from",
]
