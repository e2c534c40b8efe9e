"""The distributions of the workspace agree with each other."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import pygent_vec

ROOT = Path(__file__).parents[1]
MEMBERS = [ROOT / "core", ROOT / "conformance", *sorted((ROOT / "plugins").iterdir())]
MEMBER = pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)


def project(member):
    return tomllib.loads((member / "pyproject.toml").read_text())["project"]


@MEMBER
def test_the_licence_of_a_member_is_a_real_copy(member):
    licence = member / "LICENSE"
    assert not licence.is_symlink()
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert project(member)["license"] == "Apache-2.0"
    assert project(member)["license-files"][0] == "LICENSE"


def test_the_version_in_the_code_is_that_of_the_distribution():
    assert pygent_vec.__version__ == project(ROOT / "core")["version"]


@MEMBER
def test_members_share_one_version_and_one_python(member):
    assert project(member)["version"] == project(ROOT / "core")["version"]
    assert project(member)["requires-python"] == ">=3.11"


@MEMBER
def test_a_member_asks_for_the_core_that_it_was_made_with(member):
    if member.name != "core":
        assert "pygent-vec>=0.1,<0.2" in project(member)["dependencies"]


@MEMBER
def test_a_plugin_asks_for_no_other_plugin(member):
    names = [re.split(r"[<>=\[; ]", needed)[0] for needed in project(member).get("dependencies", [])]
    assert [name for name in names if name.startswith("pygent-vec-")] == []


@MEMBER
def test_a_member_says_what_it_is(member):
    assert project(member)["readme"] == "README.md"
    assert (member / "README.md").read_text().startswith(f"# {project(member)['name']}")
    assert project(member)["description"]


def test_the_workspace_depends_on_every_member():
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {one.partition("[")[0] for one in workspace["project"]["dependencies"]}
    assert names == {project(member)["name"] for member in MEMBERS}
    assert workspace["tool"]["uv"]["package"] is False


def tracked():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a clone: there is no list of tracked files")
    run = subprocess.run([git, "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_no_lock_file_is_tracked():
    assert [name for name in tracked() if Path(name).name == "uv.lock"] == []
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()


# ── wheels ──


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheels of core and of the FAISS plugin, unpacked without their dependencies into a directory."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv to build wheels: python -m pip install uv")
    place = tmp_path_factory.mktemp("wheels")
    for name in ("pygent-vec", "pygent-vec-faiss"):
        build = [
            uv,
            "build",
            "--quiet",
            "--wheel",
            "--package",
            name,
            "--out-dir",
            str(place / "dist"),
            str(ROOT),
        ]
        subprocess.run(build, check=True, capture_output=True, text=True, timeout=250)
    built = sorted(map(str, (place / "dist").glob("*.whl")))
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(place / "site"),
        *built,
    ]
    subprocess.run(install, check=True, capture_output=True, text=True, timeout=250)
    return place / "site"


def test_a_wheel_holds_its_package_its_licence_and_nothing_else(wheels):
    names = {path.name for path in wheels.iterdir()} - {"bin", ".lock"}
    info = {name for name in names if name.endswith(".dist-info")}
    assert names - info == {"pygent_vec", "pygent_vec_faiss"}
    assert len(info) == 2
    for name in info:
        assert list((wheels / name).rglob("LICENSE"))
    for package in ("pygent_vec", "pygent_vec_faiss"):
        assert (wheels / package / "py.typed").is_file()
        assert not list((wheels / package).rglob("test_*"))


def test_the_installed_wheels_are_found_as_plugins(wheels):
    import sys

    code = """
import pygent_vec
from pygent_vec.plugin import backends
from pygent_vec.sync import open_store

print(pygent_vec.__file__)
print(sorted(name for name, offers in backends().offers().items() for _ in offers))
with open_store("memory") as store:
    print(store.create_collection("default", 3).name)
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=wheels,
        env={**os.environ, "PYTHONPATH": str(wheels)},
        timeout=120,
    )
    where, names, collection = run.stdout.splitlines()
    assert Path(where).is_relative_to(wheels)
    assert "'faiss', 'memory'" in names
    assert collection == "default"
