"""Plugins as installers leave them."""

import importlib

HOOK = """
from pygent_vec.plugin import BackendSpec, hookimpl
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryConfig, MemoryStore

@hookimpl
def pygent_vec_backend():
    return BackendSpec(
        name={name!r},
        store=lambda config, *, name, embedder: MemoryStore(config, name=name, embedder=embedder),
        config=MemoryConfig,
        capabilities=MEMORY_CAPABILITIES,
        contract_version={version!r},
        summary="Fake.",
        install_hint="pip install fake",
    )
"""


def good(name, version=1):
    return HOOK.format(name=name, version=version)


class Site:
    """A directory on sys.path in which distributions are installed as installers do it."""

    def __init__(self, path):
        self.path = path

    def install(
        self, name, module=None, *, source=None, version="1.2", group="pygent_vec.backends", distribution=None
    ):
        """Offer the backend *name* from *module* with this *source*; return the distribution's directory."""
        module = module or f"fake_{name}"
        if source is not None:
            (self.path / f"{module}.py").write_text(source)
        distribution = distribution or f"dist-{name}"
        info = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        importlib.invalidate_caches()
        return info
