"""Old code on the new schema: `python -m migrator.compatibility [BRANCH]`.

A deploy migrates first, while the old code runs. So the old code's own tests run on the schema
that this branch makes: in a git worktree of the commit where the branch began, with the revisions
that are here. It sees what those tests run, and no more.
"""

import os
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import SettingsError
from .paths import ROOT
from .revisions import head
from .revisions.base import base_of_branch, git, head_at

MARKER = "schema"
BROKEN = 1  # pytest's exit code when a test fails
REFUSED = 2
STOPPED = 130


def main(branch: str | None = None, code_first: bool = False) -> int:
    """Run the old code's tests on the new schema, and say what they show.

    Args:
        branch: that the deployed code is on, or a commit, as git knows it. When not given, the
            main branch.
        code_first: run the new code's tests on the old schema instead.

    Returns:
        What to exit with: 0, `BROKEN`, or another exit code of pytest's.

    Raises:
        SettingsError: git does not know the branch, or its tests do not tell which of them are
            about the schema.
    """
    if branch and not branch.strip("0"):
        print("This is the branch's first commit: no old code runs.")
        return 0
    old = base_of_branch(branch)
    histories = {section: head.history(section) for section in head.sections()}
    if all(head.newest(there) == head_at(old, section) for section, there in histories.items()):
        print("This branch has no new revision: the schema stays as it is.")
        return 0
    new = _snapshot()
    code, schema = (new, old) if code_first else (old, new)
    _refuse_without_marker(code)
    names = {old: f"{branch or 'the main branch'} ({old[:8]})", new: "this branch"}
    what = f"the code of {names[code]} on the schema of {names[schema]}"
    print(f"Testing {what}, with the packages of {sys.executable}", flush=True)
    with _worktree(code, schema) as folder:
        pytest = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-m", f"not {MARKER}"]
        end = _run(pytest, folder)
    if end == BROKEN:
        broken = "the new code until it has migrated" if code_first else "the code that is running"
        print(f"This deploy breaks {broken}, unless these tests fail on their own schema too.")
    elif end == 0:
        print("This deploy breaks nothing that these tests run.")
    return end


def _refuse_without_marker(commit: str) -> None:
    try:
        git("grep", "--quiet", f"mark[.]{MARKER}", commit, "--", "*.py", ":!migrator")
    except SettingsError as error:
        raise SettingsError(
            f"No test of {commit[:8]} has the marker `{MARKER}`, so those that compare models and"
            " revisions cannot be left out: mark them there first."
        ) from error


def _snapshot() -> str:
    """Return a commit of the project as it is in the working tree; it is on no branch."""
    with TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        git("read-tree", "HEAD", variables=index)
        git("add", "--all", ".", variables=index)
        tree = git("write-tree", variables=index)
    person = {
        f"GIT_{role}_{part}": "migrator"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    return git("commit-tree", tree, "-p", "HEAD", "-m", "the working tree", variables=person)


@contextmanager
def _worktree(code: str, schema: str) -> Iterator[Path]:
    """Yield the project's folder with the code of one commit and the revisions of another."""
    histories = [head.history(section) for section in head.sections()]
    parts = {path for history in histories for path in (*history.folders, history.head)}
    with TemporaryDirectory() as temporary:
        tree = Path(temporary) / "tree"
        git("worktree", "add", "--detach", str(tree), code)
        try:
            folder = tree / git("rev-parse", "--show-prefix")
            revisions = [os.path.relpath(path, ROOT) for path in sorted(parts)]
            git("restore", f"--source={schema}", "--", *revisions, cwd=folder)
            # It may have the server's URL.
            for name in (".env", ".flaskenv"):
                if (ROOT / name).exists() and not (folder / name).exists():
                    (folder / name).symlink_to(ROOT / name)
            yield folder
        finally:
            git("worktree", "remove", "--force", str(tree))


def _run(command: list[str], folder: Path) -> int:
    """Run the tests to their end, and return their exit code.

    On Ctrl-C they are stopped once, and drop their databases before this goes on.
    """
    # In a separate process group, so that the terminal's Ctrl-C does not reach it as well.
    with subprocess.Popen(command, cwd=folder, start_new_session=True) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise


if __name__ == "__main__":
    parser = ArgumentParser("python -m migrator.compatibility", description=__doc__)
    parser.add_argument("branch", nargs="?", help="of the code that is running; main if not given")
    parser.add_argument(
        "--code-first",
        action="store_true",
        help="the other way round, if a deploy starts its code first: new code on the old schema",
    )
    given = parser.parse_args()
    # What ends a job in CI: the worktree and the databases are removed then too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(given.branch, given.code_first))
    except SettingsError as problem:
        print(f"Error: {problem}", file=sys.stderr)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
