"""The command line as a whole: help, exit codes, errors, colours."""

import os
import pty
import subprocess
import sys

import pytest

from pygent_vec import CONTRACT_VERSION, __version__
from pygent_vec.cli import _stores

from .cli_support import offer, process_environment, run, run_process, shelf

COMMANDS = ["demo", "backends", "collections", "stats", "search", "conformance"]


def on_a_terminal(*arguments, **environment):
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pygent_vec", *arguments],
        stdout=theirs,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env=process_environment(None, environment),
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so that the other side has closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(timeout=60) == 0, written
    return written.decode()


def test_the_version_names_the_contract_too():
    assert run("--version").stdout == f"pygent-vec {__version__} (contract version {CONTRACT_VERSION})\n"


def test_the_overview_names_every_command_in_whole_sentences():
    overview = run("--help").stdout
    listed = [line.split() for line in overview.splitlines() if line.startswith("  ")]
    assert [words[0] for words in listed if words and words[0] in COMMANDS] == COMMANDS
    assert "..." not in overview.partition("Commands:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_that_name_it_and_fits_80_columns(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    examples = result.stdout.partition("Examples:")[2]
    assert f"    pygent-vec {command}" in examples
    prose = result.stdout.partition("Examples:")[0]
    assert max(map(len, prose.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_speaks_json_and_shows_tracebacks(command):
    options = run(command, "--help").stdout
    assert "--json" in options
    assert "--traceback" in options


def test_the_short_option_for_help_works_below_too():
    assert run("stats", "-h").stdout == run("stats", "--help").stdout


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["stats"], ["stats", "memory:", "--nonsense"], ["search", "memory:", "c"]]
)
def test_a_senseless_command_line_exits_with_2(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def test_an_error_is_its_message_on_standard_error_and_exit_code_1():
    result = run_process("stats", "nowhere:library")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: no backend 'nowhere' is installed")
    assert "Traceback" not in result.stderr


def test_traceback_shows_where_an_error_came_from():
    result = run_process("stats", "nowhere:library", "--traceback")
    assert result.returncode == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "BackendNotFoundError: no backend 'nowhere' is installed" in result.stderr


def test_an_error_of_the_operating_system_has_no_traceback(monkeypatch):
    def refused(url):
        raise PermissionError(13, "Permission denied", "/library")

    monkeypatch.setattr(_stores, "existing_store", refused)
    result = run("stats", "memory:")
    assert result.exit_code == 1
    assert result.stderr == "Error: [Errno 13] Permission denied: '/library'\n"


def test_a_fault_of_the_program_itself_keeps_its_traceback(monkeypatch):
    def broken(url):
        raise ZeroDivisionError

    monkeypatch.setattr(_stores, "existing_store", broken)
    assert isinstance(run("stats", "memory:").exception, ZeroDivisionError)


def test_an_interrupted_command_exits_with_130(tmp_path):
    interrupt = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    offer(tmp_path, "shelf", shelf(before=interrupt))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").touch()
    result = run_process("stats", f"shelf:{tmp_path / 'data'}", path=tmp_path)
    assert result.returncode == 130
    assert result.stderr == "Error: interrupted\n"


def test_a_reader_that_has_gone_ends_the_command_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-m", "pygent_vec", "backends"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=process_environment(None, {}),
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert b"Traceback" not in result.stderr


def test_colours_are_for_terminals_only():
    assert "\x1b[32m" in on_a_terminal("backends")
    assert "\x1b" not in run_process("backends").stdout


def test_no_color_takes_the_colours_from_a_terminal():
    assert "\x1b[32m" not in on_a_terminal("backends", NO_COLOR="1")


def test_json_on_a_terminal_has_no_colours():
    assert "\x1b" not in on_a_terminal("backends", "--json")


def test_a_terminal_without_unicode_still_gets_its_answer():
    result = run_process("stats", "memory:", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "healthy" in result.stdout


def test_the_shell_completes_names_of_backends():
    result = run_process(
        _PYGENT_VEC_COMPLETE="complete_bash", COMP_WORDS="pygent-vec conformance mem", COMP_CWORD="2"
    )
    assert result.stdout.split() == ["memory"]


def test_importing_the_package_imports_nothing_of_the_command_line():
    code = (
        "import sys, pygent_vec; print([m for m in ('typer', 'rich', 'pygent_vec.cli') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_neither_rich_nor_a_backend():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pygent_vec.cli._app import application\n"
        "sys.modules.pop('rich', None)\n"
        "assert CliRunner().invoke(application(), ['search', '--help']).exit_code == 0\n"
        "print([m for m in ('rich.table', 'rich.console', 'pygent_vec.plugin.memory', 'faiss') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
