"""A check: one claim about a store, tied to the sentence of the contract that it proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from pygent_vec_conformance.profile import Profile
from pygent_vec_conformance.requirements import Requirement, requirements

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from types import ModuleType

    from pygent_vec_conformance.world import World

__all__ = ["Body", "Check", "check", "checks_of"]

Body: TypeAlias = "Callable[[World], Awaitable[None] | None]"
CaseBody: TypeAlias = "Callable[[World, str], Awaitable[None] | None]"


@attrs.frozen(kw_only=True, eq=False)
class Check:
    """A claim and how it is tried.

    Attributes:
        name: The claim as a pytest name, `test_…`.
        claim: The claim in a sentence.
        topic: Its module.
        requirement: The sentence of the contract that it proves.
        body: Raises `Violation` where the claim does not hold. A coroutine function, or a plain function
            that drives the store by `World.run`.
        needs: A capability that the claim hangs on; without it the refusal is provoked instead. `metric`
            and `index` mean the metric or index kind that the case names.
        least: The smallest profile that has it.
        timeout: Seconds after which it has failed, in the quick profile; the others give it more.
        cases: It is tried once for each.
    """

    name: str
    claim: str
    topic: str
    requirement: Requirement
    body: Callable[..., Awaitable[None] | None]
    needs: str | None
    least: Profile
    timeout: float
    cases: tuple[str, ...]

    @property
    def tries(self) -> Sequence[str | None]:
        """The cases, or None alone."""
        return self.cases or (None,)

    def title(self, case: str | None) -> str:
        """Return the name of one try."""
        return self.name if case is None else f"{self.name}[{case}]"


def check(
    requirement: str,
    *,
    needs: str | None = None,
    least: Profile = Profile.QUICK,
    timeout: float = 60.0,
    cases: Iterable[str] = (),
) -> Callable[[Callable[..., Awaitable[None] | None]], Check]:
    """Return a decorator that makes a check of a function; its docstring's first line is the claim."""

    def make(body: Callable[..., Awaitable[None] | None]) -> Check:
        claim = (body.__doc__ or "").strip().partition("\n")[0]
        if not claim:
            raise TypeError(f"the check {body.__name__} has no docstring; its first line is its claim")
        return Check(
            name=f"test_{body.__name__}",
            claim=claim,
            topic=body.__module__.rpartition(".")[2].replace("_", " "),
            requirement=requirements()[requirement],
            body=body,
            needs=needs,
            least=least,
            timeout=timeout,
            cases=tuple(cases),
        )

    return make


def checks_of(module: ModuleType) -> list[Check]:
    """Return the checks that stand in *module*, in their order."""
    return [value for value in vars(module).values() if isinstance(value, Check)]
