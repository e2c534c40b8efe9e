"""Plugins: found without being imported, and told apart when they are broken."""

import json
import subprocess
import sys

import pytest

from pygent_vec import ContractMismatchError, PluginLoadError
from pygent_vec.config import open_store
from pygent_vec.plugin import DISABLED_VARIABLE, BackendSpec, backends
from pygent_vec.plugin import memory as memory_plugin

from .installation import Site, good


def test_a_plugin_is_found_and_loaded_by_its_entry_point(site):
    site.install("shelf", source=good("shelf"))
    (offer,) = backends().offers()["shelf"]
    assert (offer.distribution, offer.version, offer.target) == ("dist-shelf", "1.2", "fake_shelf")
    spec = backends().load("shelf")
    assert isinstance(spec, BackendSpec)
    assert spec.name == "shelf"
    assert open_store("shelf", name="mine").name == "mine"


def test_an_attribute_of_a_module_can_be_a_plugin_too(site):
    site.install("shelf", "fake_holder:Plugin", source=None)
    body = good("shelf").replace("def pygent_vec_backend():", "def pygent_vec_backend(self):")
    lines = body.split("@hookimpl")
    method = "@hookimpl" + lines[1]
    (site.path / "fake_holder.py").write_text(
        lines[0]
        + "class _Plugin:\n"
        + "".join(f"    {line}\n" for line in method.splitlines())
        + "Plugin = _Plugin()\n"
    )
    assert backends().load("shelf").name == "shelf"


def test_the_built_in_store_registers_as_every_other_does():
    (offer,) = backends().offers()["memory"]
    assert (offer.distribution, offer.target) == ("pygent-vec", "pygent_vec.plugin.memory")
    assert backends().load("memory") == memory_plugin.pygent_vec_backend()


def test_listing_imports_no_plugin(site):
    site.install("shelf", source="raise SystemExit('imported')")
    code = """
import json, sys
from pygent_vec.plugin import backends, embedders

names = sorted([*backends().offers(), *embedders().offers(), *backends().missing(), *embedders().missing()])
print(json.dumps([names, [name for name in sys.modules if name.startswith(("fake_", "pygent_vec_", "faiss"))]]))
print("pygent_vec.plugin.memory" in sys.modules)
"""
    path = {"PYTHONPATH": str(site.path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    listing, imported = run.stdout.splitlines()
    names, modules = json.loads(listing)
    assert {"shelf", "memory"} <= set(names)
    assert modules == []
    assert imported == "False"


# ── broken ones ──

BROKEN = {
    "broken at import": ("raise RuntimeError('no licence file')", "RuntimeError: no licence file"),
    "ends the program at import": ("raise SystemExit('good night')", "SystemExit: good night"),
    "does not compile": ("def (", "SyntaxError"),
    "needs what is not installed": ("import fake_absent_library", "No module named 'fake_absent_library'"),
    "breaks in its hook": (
        "from pygent_vec.plugin import hookimpl\n@hookimpl\ndef pygent_vec_backend():\n    raise KeyError('x')\n",
        "KeyError: 'x'",
    ),
    "misspells its hook": (
        good("shelf").replace("pygent_vec_backend", "pygent_vec_bakend"),
        "pygent_vec_bakend",
    ),
    "misspells it beside the right one": (
        good("shelf") + "\n@hookimpl\ndef pygent_vec_extra():\n    pass\n",
        "pygent_vec_extra",
    ),
    "wants an argument that there is not": (
        good("shelf").replace("pygent_vec_backend()", "pygent_vec_backend(wish)"),
        "wish",
    ),
    "has no hook": ("", "must return one BackendSpec, and returned []"),
    "returns nothing": (
        "from pygent_vec.plugin import hookimpl\n@hookimpl\ndef pygent_vec_backend():\n    return None\n",
        "must return one BackendSpec, and returned []",
    ),
    "returns the wrong thing": (
        "from pygent_vec.plugin import hookimpl\n@hookimpl\ndef pygent_vec_backend():\n    return {'name': 'shelf'}\n",
        "must return one BackendSpec, and returned [{'name': 'shelf'}]",
    ),
    "calls itself otherwise": (good("drawer"), "calls the backend 'drawer', its entry point 'shelf'"),
}


@pytest.mark.parametrize(("source", "cause"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_reported_by_name_distribution_version_and_cause(site, source, cause):
    site.install("shelf", source=source)
    site.install("table", source=good("table"))
    with pytest.raises(PluginLoadError) as caught:
        backends().load("shelf")
    message = str(caught.value)
    assert "the backend 'shelf' of dist-shelf 1.2 (fake_shelf)" in message
    assert cause in message
    assert set(backends().offers()) >= {"shelf", "table", "memory"}
    assert backends().load("table").name == "table"
    assert backends().load("memory").name == "memory"


def test_a_broken_plugin_s_own_error_is_the_cause(site):
    site.install("shelf", source="raise RuntimeError('no licence file')")
    with pytest.raises(PluginLoadError, match=rf"{DISABLED_VARIABLE}=shelf to leave it out") as caught:
        backends().load("shelf")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_plugin_whose_module_is_missing_is_reported(site):
    site.install("shelf")
    with pytest.raises(PluginLoadError, match=r"'shelf' of dist-shelf 1.2 .*No module named 'fake_shelf'"):
        backends().load("shelf")


@pytest.mark.parametrize(("version", "side"), [(0, "Upgrade the plugin"), (2, "Upgrade pygent-vec")])
def test_a_plugin_for_another_contract_is_reported_with_the_side_to_upgrade(site, version, side):
    site.install("shelf", source=good("shelf", version))
    with pytest.raises(ContractMismatchError) as caught:
        backends().load("shelf")
    assert "'shelf' of dist-shelf 1.2" in str(caught.value)
    assert f"written for version {version} of the contract; this pygent-vec has version 1" in str(
        caught.value
    )
    assert side in str(caught.value)


@pytest.mark.parametrize("version", ["1", None, 1.5])
def test_a_plugin_for_no_contract_at_all_is_reported(site, version):
    site.install("shelf", source=good("shelf", version))
    with pytest.raises(ContractMismatchError, match=r"'shelf' of dist-shelf 1.2.*contract"):
        backends().load("shelf")


def test_a_name_that_is_offered_twice_is_reported_with_both(site):
    site.install("shelf", "fake_one", source=good("shelf"), distribution="one-shelf")
    site.install("shelf", "fake_two", source=good("shelf"), distribution="two-shelf", version="3.0")
    assert len(backends().offers()["shelf"]) == 2
    with pytest.raises(
        PluginLoadError,
        match=r"one-shelf 1.2 \(fake_one\) and two-shelf 3.0 \(fake_two\).*uninstall all but one",
    ):
        backends().load("shelf")
    assert backends().load("memory").name == "memory"


def test_nobody_takes_the_name_of_a_built_in_store_in_silence(site):
    site.install("memory", "fake_memory", source=good("memory"))
    with pytest.raises(PluginLoadError, match=r"offered by .*dist-memory.* and .*pygent-vec"):
        backends().load("memory")


@pytest.mark.parametrize("distribution", ["dist-shelf", "Dist_Shelf"])
def test_of_one_distribution_found_twice_the_first_on_the_path_counts(
    site, tmp_path, monkeypatch, distribution
):
    site.install("shelf", source=good("shelf"), version="1.0")
    earlier = Site(tmp_path / "earlier")
    earlier.path.mkdir()
    earlier.install("shelf", source=good("shelf"), version="2.0", distribution=distribution)
    monkeypatch.syspath_prepend(earlier.path)
    (offer,) = backends().offers()["shelf"]
    assert offer.version == "2.0"
    assert backends().load("shelf").name == "shelf"


@pytest.mark.parametrize(
    "spoil", ["no METADATA", "empty METADATA", "no version", "bad entry points", "bad name"]
)
def test_a_broken_installation_hides_no_other(site, spoil):
    info = site.install("shelf", source=good("shelf"))
    site.install("table", source=good("table"))
    metadata = info / "METADATA"
    if spoil == "no METADATA":
        metadata.unlink()
    elif spoil == "empty METADATA":
        metadata.write_text("")
    elif spoil == "no version":
        metadata.write_text("Metadata-Version: 2.1\nName: dist-shelf\n")
    elif spoil == "bad entry points":
        (info / "entry_points.txt").write_text("[pygent_vec.backends]\nno equals sign here\n")
    else:
        (info / "entry_points.txt").write_text("[pygent_vec.backends]\nshelf = not a module!\n")
    offered = backends().offers()
    assert {"table", "memory"} <= set(offered)
    assert backends().load("table").name == "table"
    if spoil == "bad name":
        with pytest.raises(PluginLoadError, match=r"'shelf' of dist-shelf 1.2"):
            backends().load("shelf")
