"""`pygent-vec backends`: what is installed, what is broken, and what could be installed."""

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout

import attrs

from pygent_vec import plugin
from pygent_vec.cli._options import AsJson, Traceback
from pygent_vec.cli._output import Cell, Column, errors_reported, print_json, print_line, print_table
from pygent_vec.errors import PluginLoadError
from pygent_vec.plugin import DISABLED_VARIABLE, BackendSpec, EmbedderSpec, Offer, Registry

__all__ = ["backends"]

_STYLES = {"ready": "green", "broken": "red", "offered twice": "red", "disabled": "yellow"}


@attrs.frozen(kw_only=True)
class _Entry:
    """One line of the listing. What is not known is None."""

    name: str
    status: str
    version: str | None = None
    distribution: str | None = None
    contract_version: int | None = None
    summary: str | None = None
    install_hint: str | None = None
    cause: str | None = None


def backends(*, as_json: AsJson = False, traceback: Traceback = False) -> None:
    """List the backends and embedders, and whether they work.

    Each plugin is loaded by itself, so that a broken one is shown with its cause and hides no other.
    Those of this project that are not installed are listed with the command that installs them. Names
    in the environment variable PYGENT_VEC_DISABLED_PLUGINS, separated by commas, are not loaded.
    """
    with errors_reported(traceback=traceback):
        # A plugin that prints when it is imported must not spoil this command's output.
        with redirect_stdout(sys.stderr):
            found = {
                "backends": list(_entries(plugin.backends())),
                "embedders": list(_entries(plugin.embedders())),
            }
        if as_json:
            print_json({kind: [attrs.asdict(one) for one in entries] for kind, entries in found.items()})
            return
        _print_entries("Backends", found["backends"])
        _print_entries("Embedders", found["embedders"])


def _entries(registry: Registry[BackendSpec] | Registry[EmbedderSpec]) -> Iterator[_Entry]:
    for name, offers in registry.offers().items():
        yield _loaded(registry, name, offers)
    for name, offers in registry.disabled().items():
        yield attrs.evolve(
            _offered(name, offers),
            status="disabled",
            cause=f"{DISABLED_VARIABLE} names it; take it out to use it",
        )
    for name, command in registry.missing().items():
        yield _Entry(name=name, status="not installed", install_hint=command)


def _loaded(
    registry: Registry[BackendSpec] | Registry[EmbedderSpec], name: str, offers: list[Offer]
) -> _Entry:
    entry = _offered(name, offers)
    try:
        spec = registry.load(name)
    except PluginLoadError as error:
        status = "broken" if len(offers) == 1 else "offered twice"
        return attrs.evolve(entry, status=status, cause=str(error))
    return attrs.evolve(
        entry,
        status="ready",
        contract_version=spec.contract_version,
        summary=spec.summary,
        install_hint=spec.install_hint,
    )


def _offered(name: str, offers: list[Offer]) -> _Entry:
    return _Entry(
        name=name,
        status="",
        version=", ".join(one.version for one in offers),
        distribution=", ".join(one.distribution for one in offers),
    )


def _print_entries(title: str, entries: list[_Entry]) -> None:
    columns = [
        Column("Name"),
        Column("Version"),
        Column("Distribution, or install with"),
        Column("Contract", "right"),
        Column("Status"),
    ]
    rows = [
        (
            Cell(one.name, "bold"),
            one.version or "",
            one.distribution or Cell(one.install_hint or "", "cyan"),
            "" if one.contract_version is None else str(one.contract_version),
            Cell(one.status, _STYLES.get(one.status, "dim")),
        )
        for one in entries
    ]
    print_table(columns, rows, title=title)
    for one in entries:
        if one.cause is not None:
            print_line(f"{one.name}: {one.cause}\n", style=_STYLES[one.status])
