"""The fork server: a forked command cannot be told from a fresh process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .forking import ForkServer
from .projects import REPOSITORY, clean_environment

# What a program finds when it starts.
FOUND = """
import gc, logging, os, random, signal, sys, tempfile, threading, warnings
main = sys.modules["__main__"]
print(sys.argv, sys.orig_argv, sys.path, sys.executable, sys.flags)
print(main.__name__, main.__package__, main.__spec__ and main.__spec__.name, main.__doc__)
print(getattr(main, "__file__", None))
print(os.getcwd(), sorted(os.environ.items()), os.listdir("/dev/fd"), os.umask(0))
print([(number, signal.getsignal(number)) for number in sorted(signal.valid_signals())])
print(warnings.filters, gc.isenabled(), gc.get_threshold(), threading.active_count())
print(logging.root.handlers, logging.root.level, logging.root.manager.disable, tempfile.tempdir)
print([(stream.encoding, stream.line_buffering, stream.isatty()) for stream in
       (sys.stdin, sys.stdout, sys.stderr)], sys.stdin.read())
"""

PYTEST = """
import plugin


def test_plugins(pytestconfig):
    manager = pytestconfig.pluginmanager
    print(sorted({type(found).__name__ for _, found in manager.list_name_plugin()}))
    print([str(found.version) for _, found in manager.list_plugin_distinfo()])
    print(sorted(name for name, _ in manager.list_name_plugin() if not name.isdigit()))
    plugin.check()


def test_own():
    assert [1, 2, 3] == [1, 2, 4]
"""

ENDS = {
    "nothing": "print('no newline', end='')",
    "exit code": "import sys; sys.exit(3)",
    "negative exit code": "import sys; sys.exit(-1)",
    "text": "import sys; print('out'); sys.exit('text')",
    "exception": "print('out'); 1 / 0",
    "interrupt": "raise KeyboardInterrupt",
    "killed": "import os; print('out', flush=True); os.kill(os.getpid(), 9)",
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "aborted": "import os; os.abort()",
    "at once": "import os; print('lost'); os._exit(5)",
    "at exit": "import atexit; atexit.register(print, 'at exit'); print('before')",
    "thread": """
import threading
thread = threading.Thread(target=lambda: (threading.main_thread().join(), print("last")))
thread.start()
print("first")
""",
    "descriptor": "import os; print('first', flush=True); os.write(1, b'second'); os.write(2, b'e')",
    "child": "import subprocess; subprocess.run(['sh', '-c', 'echo out; echo err >&2; cat'])",
    "warning": "import warnings; warnings.warn('old', DeprecationWarning)",
    "no module": "import no_such_module",
    "fork": "import os\nif os.fork() == 0: os._exit(4)\nprint(os.wait()[1])",
}


@pytest.fixture(scope="module")
def server(project_bin: Path) -> Iterator[ForkServer]:
    """A server for these tests, which there is under FRESH_PROCESSES=1 too."""
    server = ForkServer(project_bin, clean_environment())
    yield server
    server.close()


@pytest.fixture
def environment(project_bin: Path) -> dict[str, str]:
    """What commands get here: one variable more than the server has, and one less."""
    environment = clean_environment(PATH=f"{project_bin}:/usr/bin:/bin", ADDED="\udcff é")
    environment.pop("SSL_CERT_FILE", None)
    return environment


def fresh(
    command: tuple[str, ...], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command as a fresh process."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        ("python", "-c", FOUND, "a", "-b"),
        ("python", "-m", "found", "a", "-b"),
        ("python", "-m", "no_such_module"),
        ("flask", "--app", "found", "routes"),
        ("alembic", "-c", "found.ini", "current"),
        ("alembic", "--no-such-option"),
    ],
    ids=["code", "module", "no module", "flask", "alembic", "usage"],
)
def test_a_command_finds_what_a_fresh_process_finds(
    server: ForkServer, environment: dict[str, str], command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "found.py").write_text(FOUND + "import flask\napp = flask.Flask('found')\n")
    (tmp_path / "env.py").write_text(FOUND)
    (tmp_path / "found.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    expected = fresh(command, tmp_path, environment)
    end = server.run(command, tmp_path, environment, timeout=60)
    assert end.stdout.splitlines() == expected.stdout.splitlines()
    assert (end.stderr, end.returncode) == (expected.stderr, expected.returncode)


def test_pytest_finds_its_plugins_and_rewrites_what_it_imports(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "plugin.py").write_text("def check():\n    assert [1] == [2]\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["plugin"]\n')
    (tmp_path / "test_found.py").write_text(PYTEST)
    command = ("pytest", "-W", "error", "--tb=short")
    expected = fresh(command, tmp_path, environment)
    end = server.run(command, tmp_path, environment, timeout=60)
    assert "At index 0 diff: 1 != 2" in expected.stdout
    assert "'pytest_cov'" in expected.stdout
    # The last line has the time.
    assert end.stdout.splitlines()[:-1] == expected.stdout.splitlines()[:-1]
    assert (end.stderr, end.returncode) == (expected.stderr, expected.returncode)


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_a_command_ends_as_a_fresh_process_ends(
    server: ForkServer, environment: dict[str, str], code: str, tmp_path: Path
) -> None:
    command = ("python", "-c", code)
    expected = fresh(command, tmp_path, environment)
    end = server.run(command, tmp_path, environment, timeout=60)
    assert (end.returncode, end.stdout) == (expected.returncode, expected.stdout)
    # A traceback has the server's own lines before the command's. Lines of code are indented.
    last, expected_last = (
        [line for line in text.splitlines() if not line.startswith(" ")][-1:]
        for text in (end.stderr, expected.stderr)
    )
    assert last == expected_last


def test_a_command_leaves_nothing_to_the_next(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "shop.py").touch()
    code = """
import logging, os, random, sys, warnings
print("shop" in sys.modules, os.environ.get("LEFT"), len(warnings.filters), logging.root.handlers)
print(random.random())
import shop
os.environ["LEFT"] = "1"
warnings.simplefilter("error")
logging.basicConfig()
"""
    ends = [server.run(("python", "-c", code), tmp_path, environment, 60) for _ in range(2)]
    (first, first_random), (second, second_random) = (end.stdout.splitlines() for end in ends)
    assert first == second
    assert first.startswith("False None ")
    assert first_random != second_random


def test_the_server_has_imported_nothing_of_a_project(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    code = """
import sys, sysconfig
libraries = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib"))
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
assert "alembic" in files and "flask" in files
print([name for name in files if files[name] and not files[name].startswith(libraries)])
"""
    end = server.run(("python", "-c", code), tmp_path, environment, timeout=60)
    assert end.stdout == "[]\n", end.stderr


def test_a_command_that_takes_too_long_is_killed(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with pytest.raises(subprocess.TimeoutExpired) as raised:
        server.run(("python", "-c", code), tmp_path, environment, timeout=5)
    with pytest.raises(ProcessLookupError):
        os.kill(int(raised.value.output), 0)


def test_commands_run_at_the_same_time(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    # Opening a FIFO waits for the other side.
    subprocess.run(["mkfifo", "fifo"], cwd=tmp_path, check=True)
    codes = ("open('fifo', 'w').write('met')", "print(open('fifo').read())")
    with ThreadPoolExecutor() as pool:
        _, end = pool.map(
            lambda code: server.run(("python", "-c", code), tmp_path, environment, 60), codes
        )
    assert end.stdout == "met\n"


def test_the_server_ends_with_who_started_it(project_bin: Path) -> None:
    code = f"""
import os
from pathlib import Path
from tests.forking import ForkServer
server = ForkServer(Path({str(project_bin)!r}), dict(os.environ))
os.kill(os.getpid(), 9)
"""
    # The server has stderr too: this returns when both have ended.
    end = fresh((sys.executable, "-c", code), REPOSITORY, clean_environment())
    assert (end.returncode, end.stderr) == (-9, "")


def test_what_needs_a_fresh_process_is_not_taken(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    command: tuple[str, ...]
    taken = (
        ("alembic", "current"),
        ("pytest", "-q"),
        ("python", "-c", "pass"),
        ("python", "-m", "x"),
    )
    for command in taken:
        assert not server.takes(command, "sqlite", environment)
        assert server.takes(command, "sqlite", environment)
        assert not server.takes(command, "mysql", environment)
        assert not server.takes(command, "sqlite", environment | {"PYTHONPATH": "x"})
        assert not server.takes(command, "sqlite", environment | {"PATH": "/usr/bin"})
    for command in (("ruff",), ("python", "x.py"), ("python", "-W", "error", "-c", "pass")):
        assert not server.takes(command, "sqlite", environment)
        assert not server.takes(command, "sqlite", environment)
