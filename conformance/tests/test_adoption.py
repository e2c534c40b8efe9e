"""A class that adopts the contract cannot take anything away from it."""

import subprocess
import sys

import pytest

from pygent_vec import ConfigError
from pygent_vec_conformance import KnownFault, StoreTarget, VectorStoreContract
from pygent_vec_conformance.catalogue import TOPICS, catalogue
from pygent_vec_conformance.checks import checks_of
from pygent_vec_conformance.contract import changes_of, expected
from pygent_vec_conformance.profile import Profile
from pygent_vec_conformance.requirements import requirements

CHECK = "test_adding_nothing_writes_nothing"


def test_overriding_a_check_is_a_type_error():
    with pytest.raises(TypeError, match=CHECK):
        type("TestMine", (VectorStoreContract,), {CHECK: lambda self: None})


def test_deleting_a_check_by_none_is_a_type_error():
    with pytest.raises(TypeError, match=CHECK):
        type("TestMine", (VectorStoreContract,), {CHECK: None})


def test_a_mixin_before_the_contract_cannot_override():
    mixin = type("Mixin", (), {CHECK: lambda self: None})
    with pytest.raises(TypeError, match=CHECK):
        type("TestMine", (mixin, VectorStoreContract), {})


def test_a_class_that_says_it_is_no_test_is_a_type_error():
    with pytest.raises(TypeError, match="__test__"):
        type("TestMine", (VectorStoreContract,), {"__test__": False})


def test_the_guard_is_out_of_reach_of_the_class():
    own = {"conformance_changes": classmethod(lambda cls: []), CHECK: lambda self: None}
    with pytest.raises(TypeError, match=CHECK):
        type("TestMine", (VectorStoreContract,), own)


@pytest.mark.parametrize(
    "faults", [{"test_of_nobody": KnownFault(reason="there is no such check")}, {CHECK: "reason"}]
)
def test_a_known_fault_names_a_check_and_a_reason(faults):
    with pytest.raises(TypeError, match="known_faults"):
        type("TestMine", (VectorStoreContract,), {"known_faults": faults})


def test_a_known_fault_needs_a_reason():
    with pytest.raises(ValueError, match="reason"):
        KnownFault(reason="")


def test_a_path_that_all_stores_would_share_is_refused(tmp_path):
    factory = StoreTarget(backend="memory", settings={"path": "x"}, factory=lambda settings, embedder: None)
    with pytest.raises(ConfigError, match="path"):
        factory.place(tmp_path)


def test_an_honest_class_is_made():
    made = type("TestMine", (VectorStoreContract,), {"target": StoreTarget(backend="memory")})
    assert changes_of(made) == []


def test_every_requirement_is_proved_by_a_check():
    proved = {check.requirement.id for check in catalogue()}
    assert proved == set(requirements())


def test_every_check_has_a_name_of_its_own():
    names = [check.name for check in catalogue()]
    assert len(set(names)) == len(names)


def test_every_topic_has_checks():
    assert all(checks_of(topic) for topic in TOPICS)


def test_the_quick_profile_is_a_part_of_the_full_one():
    quick, full = (expected(one) for one in (Profile.QUICK, Profile.FULL))
    assert set(quick) <= set(full)
    assert len(quick) > 150


def test_the_plugin_is_light():
    code = (
        "import sys, pygent_vec_conformance.pytest_plugin\n"
        "print(sorted({'numpy', 'hypothesis', 'pygent_vec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
