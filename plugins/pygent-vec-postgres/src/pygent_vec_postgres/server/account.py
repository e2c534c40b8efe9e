"""As whom the embedded server runs: PostgreSQL refuses root."""

from __future__ import annotations

import os
import pwd
import subprocess
from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Account", "unprivileged"]

_NAMES = ("postgres", "nobody")
_PROGRAM_SECONDS = 120


@attrs.frozen(kw_only=True)
class Account:
    """A user of this system, under whom programs are started; None where this process stays itself."""

    user: int | None = None
    group: int | None = None
    name: str = ""

    def start(self, command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        """Start a program that outlives this process, with its output in the file descriptor *output*."""
        return subprocess.Popen(  # noqa: S603  # the wheel's own program, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )

    def run(self, command: Sequence[str]) -> None:
        """Run a program to its end.

        Raises:
            ConfigError: it failed; the message has its output.
        """
        done = subprocess.run(  # noqa: S603  # the wheel's own program, no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=_environment(),
            check=False,
            timeout=_PROGRAM_SECONDS,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise ConfigError(f"{command[0]} failed with code {done.returncode}: {said[-1000:]}")

    def own(self, path: Path) -> None:
        """Make this account the owner of *path*."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    def barrier(self, path: Path) -> Path | None:
        """Return the first directory above *path* that the account cannot enter; None if there is none."""
        if self.user is None:
            return None
        for parent in reversed(path.parents):
            status = parent.stat()
            if status.st_uid == self.user:
                allowed = status.st_mode & 0o100
            elif status.st_gid == self.group:
                allowed = status.st_mode & 0o010
            else:
                allowed = status.st_mode & 0o001
            if not allowed:
                return parent
        return None

    def check_reach(self, path: Path, what: str) -> None:
        """Raise `ConfigError` if the account cannot enter the directories above *path*."""
        barrier = self.barrier(path)
        if barrier is not None:
            raise ConfigError(
                f"the embedded server runs as the user {self.name!r} and not as root; it cannot enter "
                f"{str(barrier)!r} and so not reach {what} {str(path)!r}; use a place that it can reach, "
                f"or allow it with: chmod o+x {barrier}"
            )


def unprivileged() -> Account:
    """Return the account for the server: this process's own, unless that is root's.

    Raises:
        ConfigError: this process is root's, and there is nobody else.
    """
    if os.geteuid() != 0:
        return Account()
    for name in _NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(user=entry.pw_uid, group=entry.pw_gid, name=name)
    raise ConfigError(
        f"PostgreSQL does not run as root, and this system has none of the users {', '.join(_NAMES)}; "
        "make one with: useradd --system postgres"
    )


def _environment() -> dict[str, str]:
    """Return the environment without what would give the programs other settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
