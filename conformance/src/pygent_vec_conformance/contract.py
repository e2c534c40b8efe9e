"""VectorStoreContract: the one class that every check is a method of."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, TypeVar

import attrs
import pytest

from pygent_vec_conformance.catalogue import catalogue
from pygent_vec_conformance.execution import execute
from pygent_vec_conformance.outcome import CheckResult, Kind, KnownFault, Outcome
from pygent_vec_conformance.profile import Profile
from pygent_vec_conformance.pytest_plugin import OPTIONS, RESULT, STATE, TARGET
from pygent_vec_conformance.target import StoreTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygent_vec_conformance.checks import Check

__all__ = ["VectorStoreContract", "changes_of", "expected"]

C = TypeVar("C", bound=type)


@cache
def _methods() -> Mapping[str, Callable[..., None]]:
    """Return the method of every check, kept where no class can reach it."""
    return MappingProxyType({check.name: _as_test(check) for check in catalogue()})


def _with_checks(cls: C) -> C:
    for name, method in _methods().items():
        setattr(cls, name, method)
    return cls


def _as_test(check: Check) -> Callable[..., None]:
    """Return the method that pytest calls for *check*."""

    def test(self: VectorStoreContract, request: pytest.FixtureRequest) -> None:
        _try(self, request, check, None)

    def test_case(self: VectorStoreContract, request: pytest.FixtureRequest, case: str) -> None:
        _try(self, request, check, case)

    method = pytest.mark.parametrize("case", check.cases)(test_case) if check.cases else test
    method.__name__ = check.name
    method.__qualname__ = f"VectorStoreContract.{check.name}"
    method.__doc__ = f"{check.claim}\n\nProves {check.requirement.id}: {check.requirement.text}"
    vars(method)["conformance_check"] = check
    return method


@_with_checks
class VectorStoreContract:
    """Every check of the contract. Subclass it, and say what to check.

    ```python
    class TestMyStore(VectorStoreContract):
        target = StoreTarget(backend="mystore")
    ```

    `target` may also be a pytest fixture that returns a `StoreTarget`, which may start a server. A subclass
    cannot take a check away: that is a TypeError when the class is made. A known fault is declared in
    `known_faults`, by the check's name; it is strict: once the check passes, the declaration fails.

    Attributes:
        target: What to check.
        known_faults: Checks that are known to fail, with the reason.
    """

    target: ClassVar[StoreTarget | Callable[..., StoreTarget]]
    known_faults: ClassVar[Mapping[str, KnownFault]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        changed = changes_of(cls)
        if changed:
            raise TypeError(
                f"{cls.__name__} overrides or takes away {', '.join(changed)}; a check belongs to the "
                "contract. "
                'For a known fault write known_faults = {"test_…": KnownFault(reason="…", link="…")}'
            )
        titles = {check.title(case) for check in catalogue() for case in check.tries}
        for name, fault in cls.known_faults.items():
            if name not in titles or not isinstance(fault, KnownFault):
                raise TypeError(
                    f"{cls.__name__}.known_faults[{name!r}]: use the name of a check, "
                    "and a KnownFault(reason=…)"
                )


def expected(profile: Profile) -> list[str]:
    """Return the names of the checks that a complete run of *profile* has."""
    return [
        check.title(case) for check in catalogue() if profile.includes(check.least) for case in check.tries
    ]


def changes_of(cls: type) -> list[str]:
    """Return what of the contract a class that adopts it does not have as it should be."""
    changed = [name for name, method in _methods().items() if _attribute(cls, name) is not method]
    if getattr(cls, "__test__", True) is not True:
        changed.append("__test__")
    reserved = {name for base in cls.__mro__ for name in vars(base) if name.startswith("conformance_")}
    return changed + sorted(reserved)


def _attribute(cls: type, name: str) -> object:
    """Return the class attribute *name* as it stands in the first class that has it, unbound."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def _try(
    instance: VectorStoreContract, request: pytest.FixtureRequest, check: Check, case: str | None
) -> None:
    options, state = request.config.stash[OPTIONS], request.config.stash[STATE]
    target = _target(instance, request)
    group = request.node.nodeid.rpartition("::")[0]
    reason = state.broken.get(group) or state.stopped(group)
    if reason:
        result = _not_tried(check, case, target, reason)
    else:
        state.begin(check.title(case))
        profile = Profile(options.profile)
        result = execute(check, case, target, profile, timeout=options.timeout, shrink=options.shrink)
        result = _judged(result, instance.known_faults)
        state.watch(group, result, first=check is catalogue()[0])
        if check is catalogue()[0]:
            request.node.user_properties.append((TARGET, _described(target)))
    request.node.user_properties.append((RESULT, result.to_json()))
    if result.outcome is Outcome.FAILED:
        pytest.fail(result.message, pytrace=False)


def _target(instance: VectorStoreContract, request: pytest.FixtureRequest) -> StoreTarget:
    given = _attribute(type(instance), "target")
    target = given if isinstance(given, StoreTarget) else request.getfixturevalue("target")
    if not isinstance(target, StoreTarget):
        raise TypeError(f"{type(instance).__name__}.target must be a StoreTarget, got {target!r:.200}")
    return target


def _judged(result: CheckResult, faults: Mapping[str, KnownFault]) -> CheckResult:
    """Return *result* in the light of the declared faults."""
    fault = faults.get(result.check)
    if fault is None:
        return result
    told = f"{fault.reason}{f' ({fault.link})' if fault.link else ''}"
    if result.outcome is Outcome.FAILED:
        return attrs.evolve(result, outcome=Outcome.XFAILED, message=f"known fault: {told}\n{result.message}")
    return attrs.evolve(
        result,
        outcome=Outcome.FAILED,
        kind=Kind.HARNESS,
        message=f"{result.check} is declared a known fault ({told}), and it passes: "
        "take it out of known_faults",
    )


def _not_tried(check: Check, case: str | None, target: StoreTarget, reason: str) -> CheckResult:
    return CheckResult(
        target=target.label,
        check=check.title(case),
        claim=check.claim,
        requirement=check.requirement.id,
        paragraph=check.requirement.paragraph,
        topic=check.topic,
        level=check.requirement.level,
        outcome=Outcome.FAILED,
        kind=Kind.HARNESS,
        message=f"{check.requirement.id}: not tried: {reason}",
        seen=f"not tried: {reason}",
    )


def _described(target: StoreTarget) -> str:
    from pygent_vec_conformance.description import describe

    return describe(target)
