"""A process that has imported the libraries and forks one process for each command it is sent.

Its arguments are the libraries' names. `tests.forking` starts it and talks to it. Each command gets
its own environment, working directory, descriptors and arguments.

What a command that is forked here does not see:
- an import that is forgotten: what the libraries import is there (`import sqlalchemy` also gives
  `sqlalchemy.orm`), and in an env-var project Flask is loaded although nothing imports it;
- another hash seed: the commands of one server order their sets alike;
- warnings and side effects of importing the libraries, which happen once, in the server;
- what the interpreter does last: a `__del__` of an object that lives to the end is not called;
- that stdout and stderr are pipes: they are files here, and a process that a command leaves behind
  with them open is not waited for;
- what newer versions of Python do with the text of `-c`: its lines in a traceback (3.13), its
  indentation removed (3.14);
- variables that are read while the interpreter starts or a library is imported: `tests.forking`
  does not send commands here that set one (`READ_AT_START`).

Protocol: each byte on the server's stdin, a Unix socket, comes with four descriptors: a socket of
the command's own, and its stdin, stdout and stderr. The command's socket gives what to run as
JSON. It gets the number of the process, and when that has ended its exit code; each is a C int.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import NoReturn


def main() -> Callable[[], object]:
    """Serve until stdin ends. Return in the forked processes only, with what one has to run."""
    del sys.path[0]  # This file's folder, which no command has.
    for library in sys.argv[1:]:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()
    # Ctrl-C reaches the whole group of processes: commands end by it, and the server after them.
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            break
        if os.fork() == 0:
            control.close()
            # A shell starts what runs in the background with the signal ignored: so it stays then.
            signal.signal(signal.SIGINT, on_interrupt)
            return command(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        reap(os.WNOHANG)
    reap(0)
    sys.exit()


def reap(options: int) -> None:
    """Take the exit status of children, so that their CPU time counts as the server's."""
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        pass


def command(connection: int, *standard: int) -> Callable[[], object]:
    """Fork the process of a command and report on it. Return in that process, with what to run.

    Args:
        connection: the command's socket.
        standard: the descriptors that become its stdin, stdout and stderr.
    """
    with socket.socket(fileno=connection) as report:
        with report.makefile() as file:
            request = json.load(file)
        process = os.fork()
        if process:
            for descriptor in standard:
                os.close(descriptor)
            report.sendall(struct.pack("i", process))
            _, status = os.waitpid(process, 0)
            report.sendall(struct.pack("i", os.waitstatus_to_exitcode(status)))
            os._exit(0)
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    return prepared(request["program"], request["arguments"])


def prepared(program: str, arguments: list[str]) -> Callable[[], object]:
    """Give `__main__`, `sys.argv` and `sys.path` the state that a new interpreter gives them.

    Args:
        program: a Python script's path, or `python`.
        arguments: of the script; of Python `-c CODE …` or `-m MODULE …`.

    Returns:
        A function that runs the command.
    """
    sys.modules["__main__"] = ModuleType("__main__")
    namespace = sys.modules["__main__"].__dict__
    sys.orig_argv = [program, *arguments]
    if program != "python":
        sys.argv = [program, *arguments]
        sys.orig_argv.insert(0, sys.executable)
        sys.path.insert(0, os.path.dirname(program))
        namespace["__file__"] = program
        with open(program, encoding="utf-8") as file:
            return partial(exec, compile(file.read(), program, "exec"), namespace)
    option, what, *rest = arguments
    sys.argv = [option, *rest]
    if option == "-c":
        sys.path.insert(0, "")
        return partial(exec, compile(what, "<string>", "exec"), namespace)
    sys.path.insert(0, os.getcwd())
    # This is what the interpreter itself calls for -m.
    return partial(runpy._run_module_as_main, what)  # type: ignore[attr-defined]


def run_and_exit(run: Callable[[], object]) -> NoReturn:
    """Run a command and end the process as the interpreter does, without freeing its objects.

    That would touch, and so copy, all memory shared with the server: twice the time of an
    `alembic current`. An exception and a text given to `sys.exit` are left to the interpreter.
    """
    code = 0
    try:
        run()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run_and_exit(main())
