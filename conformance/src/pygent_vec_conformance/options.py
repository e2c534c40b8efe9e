"""The suite's options of pytest. Light: every pytest run of an environment imports this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import pytest

__all__ = ["Options", "add_options", "options_of"]


@attrs.frozen(kw_only=True)
class Options:
    """What the command line asked for."""

    backend: str | None
    settings: tuple[str, ...]
    target: str | None
    profile: str
    report: str | None
    timeout: float | None
    journal: str | None
    shrink: bool


def add_options(parser: pytest.Parser) -> None:
    """Add the suite's options; where another plugin has the short name, only the long one."""
    group = parser.getgroup("pygent-vec", "conformance of vector stores")
    texts = {
        "backend": "the installed backend that pygent_vec_conformance.suite checks",
        "target": "module:attribute of a StoreTarget to check instead of an installed backend",
        "report": "a folder for the report: JSON, Markdown, HTML and a badge",
        "check-timeout": "seconds that a check may take, instead of its own",
        "journal": "a file that survives a crash of the run; a second run goes on from it",
    }
    for name, text in texts.items():
        _add(group, name, text)
    _add(
        group, "profile", "quick (default), full or soak", choices=("quick", "full", "soak"), default="quick"
    )
    _add(
        group,
        "backend-config",
        "a setting as key=value (repeatable), JSON text, or @file with JSON; {unique} in a value becomes a "
        "token of its own for each store",
        action="append",
        default=[],
    )
    _add(
        group,
        "no-shrink",
        "report random examples that fail as they were found; making them small takes longer",
        action="store_true",
        default=False,
    )


def _add(
    group: pytest.OptionGroup,
    name: str,
    text: str,
    *,
    choices: tuple[str, ...] | None = None,
    default: object = None,
    action: str = "store",
) -> None:
    long, destination = f"--pygent-vec-{name}", f"pygent_vec_{name.replace('-', '_')}"
    extra = {} if choices is None else {"choices": choices}
    try:
        group.addoption(
            f"--{name}", long, dest=destination, action=action, default=default, help=text, **extra
        )
    except ValueError:
        group.addoption(long, dest=destination, action=action, default=default, help=text, **extra)


def options_of(config: pytest.Config) -> Options:
    """Return what the command line asked for."""
    timeout = config.getoption("pygent_vec_check_timeout")
    return Options(
        backend=config.getoption("pygent_vec_backend"),
        settings=tuple(config.getoption("pygent_vec_backend_config")),
        target=config.getoption("pygent_vec_target"),
        profile=config.getoption("pygent_vec_profile"),
        report=config.getoption("pygent_vec_report"),
        timeout=float(timeout) if timeout is not None else None,
        journal=config.getoption("pygent_vec_journal"),
        shrink=not config.getoption("pygent_vec_no_shrink"),
    )
