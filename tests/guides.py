"""Somebody who follows a page of docs/, word by word, in a project."""

import re
import shlex
import sys
from dataclasses import replace
from textwrap import dedent

from .projects import REPOSITORY, Project

# A block, with the last file that the text before it names.
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w/.]+\.(?:py|ini|toml))`")


class Reader:
    """Does what the blocks of a page say.

    - `sh`: types the commands; each has to succeed, except `doctor`, which ends with the
      number of the state.
    - `diff`: changes the file that the text before it named last.
    - `ini`: adds the lines at the end of that file.
    - anything else: writes that file.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        # What the page calls something, and what it is here.
        self.names: dict[str, str] = {}

    def follow(self, text: str) -> None:
        """Do what each block of `text` says."""
        for block in BLOCK.finditer(text):
            content = dedent(block[3])
            for name, here in self.names.items():
                content = content.replace(name, here)
            if block[2] == "sh":
                for command in content.splitlines():
                    self.type(command)
                continue
            path = self.project.path / FILE.findall(text[: block.start()])[-1]
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            if block[2] == "diff":
                content = changed(before, content)
            elif block[2] == "ini":
                content = before + content
            path.write_text(content, encoding="utf-8")

    def type(self, command: str) -> str:
        """Type a command, and return what it prints."""
        command = command.replace("database=postgresql", f"database={self.project.database}")
        template = f"{sys.executable} -m cookiecutter {REPOSITORY} --default-config"
        command = command.replace("uvx cookiecutter gh:ORG/cookiecutter-flask-alembic", template)
        words = shlex.split(command)
        if words[0] == "cd":
            self.project = replace(self.project, path=self.project.path / words[1])
            return ""
        if words[:2] != ["uv", "run"]:
            return self.project.ok("bash", "-c", command)
        if "doctor" in words:
            return self.project.run(*words[2:]).stdout
        return self.project.ok(*words[2:])


def changed(text: str, diff: str) -> str:
    """Return `text` with the lines of a diff changed; they stand in it once."""
    lines = [(line[:1] or " ", line[1:]) for line in diff.splitlines()]
    before = "".join(f"{line}\n" for sign, line in lines if sign != "+")
    after = "".join(f"{line}\n" for sign, line in lines if sign != "-")
    assert text.count(before) == 1, before
    return text.replace(before, after)
