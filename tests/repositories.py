"""Git repositories of generated projects, and cruft in them."""

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from .forking import ForkServer, read_at_start
from .projects import clean_environment


class Git:
    """A git repository in a folder, and cruft in it."""

    # Set for the time of a test session, unless FRESH_PROCESSES=1.
    fork_server: ClassVar[ForkServer | None] = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path.parent

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `command` in the repository, and return its end; cruft may be forked."""
        environment = clean_environment(
            HOME=str(self.home),
            GIT_AUTHOR_NAME="a",
            GIT_AUTHOR_EMAIL="a@example.com",
            GIT_COMMITTER_NAME="a",
            GIT_COMMITTER_EMAIL="a@example.com",
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="init.defaultBranch",
            GIT_CONFIG_VALUE_0="main",
        )
        environment |= variables
        server = self.fork_server
        if (
            server is not None
            and command[:3] == (sys.executable, "-m", "cruft")
            and read_at_start(environment) == read_at_start(clean_environment())
        ):
            return server.run(("python", *command[1:]), self.path, environment, timeout=120)
        return subprocess.run(
            command,
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ok(self, *command: str) -> str:
        """Run `command`, which has to succeed, and return what it printed."""
        end = self.run(*command)
        assert end.returncode == 0, f"{command}\n{end.stdout}{end.stderr}"
        return end.stdout

    def cruft(self, *arguments: str) -> str:
        """Run cruft, which has to succeed, and return what it printed."""
        return self.ok(sys.executable, "-m", "cruft", *arguments)

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        if not (self.path / ".git").exists():
            self.ok("git", "init", "--quiet")
        self.ok("git", "add", "--all")
        self.ok("git", "commit", "--quiet", "--allow-empty", "--message", message)
        return self.ok("git", "rev-parse", "HEAD").strip()

    def is_clean(self) -> bool:
        """Whether the check is green and the diff empty."""
        check = self.run(sys.executable, "-m", "cruft", "check")
        diff = self.run(sys.executable, "-m", "cruft", "diff", "--exit-code")
        return check.returncode == 0 and diff.returncode == 0 and diff.stdout.strip() == ""

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which is there once, by `new` in `file`."""
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (file, old)
        path.write_text(text.replace(old, new), encoding="utf-8")
