# /// script
# requires-python = ">=3.11"
# dependencies = ["cookiecutter>=2.7"]
# ///
"""Updates the project in the current folder to another release of its template.

The template is rendered as it was and as it is now, both with the project's answers, and git
merges the difference as it merges a branch. Nothing is committed: look at `git diff --cached`,
then `git commit`, or go back with `git reset --hard`.

exit codes:
  0  updated, or there was nothing to do
  1  updated with conflicts, as after `git merge`
     (--dry-run: there would be some; --check: there is something to update to)
  2  refused: nothing has changed, and the message says what to type
"""

import argparse
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path, PurePosixPath
from textwrap import indent
from typing import Any

Answers = dict[str, Any]
# By path, what a tree has there: "100644 9daeafb9864cf43055ae93beb0afd6c7d144bfa4".
Entries = dict[str, str]

ABBREVIATIONS = {
    "gh:": "https://github.com/{}.git",
    "gl:": "https://gitlab.com/{}.git",
    "bb:": "https://bitbucket.org/{}.git",
}
# In a process for each rendering: it imports the template's extensions, and hooks print.
RENDER = """
import json, sys
from cookiecutter.main import cookiecutter
cookiecutter(**json.load(sys.stdin))
"""
# Said here, or the user's configuration decides, and in some versions of git only.
MERGING = (
    *("-c", "merge.renames=true", "-c", "merge.directoryRenames=conflict"),
    *("-c", "merge.renameLimit=0", "-c", "rerere.autoUpdate=false"),
)
IDENTITY = ("-c", "user.name=template", "-c", "user.email=template")


class RefusedError(Exception):
    """Nothing has been changed; the message says why, and what to type."""


def run(
    *command: str, text: str = "", cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `command` with `text` as its input, and return its end, whatever its exit code."""
    return subprocess.run(
        command,
        input=text,
        cwd=cwd,
        # git's messages are read here: in English.
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "1"} | variables,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def git(*arguments: str, text: str = "", cwd: Path | None = None, **variables: str) -> str:
    """Run git, which has to succeed, and return what it printed."""
    end = run("git", *arguments, text=text, cwd=cwd, **variables)
    if end.returncode:
        raise RefusedError(reason(end.stderr))
    return end.stdout.rstrip("\n")


def reason(messages: str) -> str:
    """Return the line of git's messages that says why it failed."""
    lines = messages.strip().splitlines() or ["git has failed and does not say why"]
    return next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])


def files(*arguments: str, cwd: Path | None = None, **variables: str) -> list[list[str]]:
    """Return what `git ls-files` says of each file, the path last."""
    lines = git("ls-files", "-z", *arguments, cwd=cwd, **variables).split("\0")
    parts = [line.partition("\t") for line in lines if line]
    return [[*said.split(), path] for said, _, path in parts]


def with_parents(path: str) -> list[str]:
    """Return a path and the folders that it is in."""
    return [path, *map(str, PurePosixPath(path).parents)]


# The template: a clone of its repository.


def clone(url: str, scratch: Path) -> Path:
    """Clone the template's repository into the folder `scratch`."""
    for short, address in ABBREVIATIONS.items():
        if url.startswith(short):
            url = address.format(url.removeprefix(short))
    # With the line ends that the template has, also on Windows.
    command = ("git", "clone", "--quiet", "--no-checkout", "--config", "core.autocrlf=false")
    end = run(*command, url, str(scratch / "template"))
    if end.returncode:
        raise RefusedError(f"no template there ({reason(end.stderr)}): try git ls-remote {url}")
    return scratch / "template"


def commit_of(template: Path, ref: str) -> str:
    """Return the commit of a tag, a branch or a commit."""
    for name in (f"refs/tags/{ref}", f"refs/remotes/origin/{ref}", ref):
        command = ("git", "rev-parse", "--verify", "--quiet", "--end-of-options")
        end = run(*command, f"{name}^{{commit}}", cwd=template)
        if end.returncode == 0:
            return end.stdout.strip()
    known = ", ".join(releases(template)) or "none yet"
    raise RefusedError(f"the template has no tag, branch or commit {ref}; its releases: {known}")


def releases(template: Path, *arguments: str) -> list[str]:
    """Return the tags vMAJOR.MINOR.PATCH, the newest one first."""
    tags = git("tag", *arguments, cwd=template).split()
    found = [tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return sorted(found, key=lambda tag: [int(part) for part in tag[1:].split(".")], reverse=True)


def name_of(template: Path, commit: str) -> str:
    """Return how people call `commit`: its release, else a short hash."""
    return next(iter(releases(template, "--points-at", commit)), commit[:7])


def newest(template: Path, commit: str) -> str:
    """Return the newest release's commit, or `commit` when that is not older."""
    for release in releases(template)[:1]:
        command = ("git", "merge-base", "--is-ancestor", f"refs/tags/{release}", commit)
        if run(*command, cwd=template).returncode:
            return commit_of(template, release)
    return commit


def read(template: Path, commit: str, path: str) -> str:
    """Return the text of a file of the template; empty when there is none."""
    return run("git", "show", f"{commit}:{path}", cwd=template).stdout


def questions_of(template: Path, commit: str, directory: str) -> Answers:
    """Return the template's cookiecutter.json."""
    path = str(PurePosixPath(directory, "cookiecutter.json"))
    questions: Answers = json.loads(read(template, commit, path) or "{}")
    return questions


def render(template: Path, commit: str, directory: str, answers: Answers) -> tuple[Path, Answers]:
    """Render the template at `commit` with those of `answers` that it asks for.

    Returns:
        The folder of the rendered project, and the template's variables.
    """
    folder = Path(tempfile.mkdtemp(dir=template.parent))
    git("worktree", "add", "--quiet", "--detach", f"{folder}/template", commit, cwd=template)
    # The user's own defaults and replays have no say.
    config = {key: f"{folder}/{key}" for key in ("cookiecutters_dir", "replay_dir")}
    (folder / "config").write_text(json.dumps(config), encoding="utf-8")
    asked = [n for n in questions_of(template, commit, directory) if not n.startswith("_")]
    arguments = {
        "template": f"{folder}/template",
        "directory": directory or None,
        "config_file": f"{folder}/config",
        "output_dir": f"{folder}/output",
        "no_input": True,
        "extra_context": {name: answers[name] for name in asked if name in answers},
    }
    end = run(sys.executable, "-c", RENDER, text=json.dumps(arguments), cwd=folder)
    if end.returncode:
        said, _, trace = end.stderr.partition("Traceback (most recent call last)")
        if "No module named 'cookiecutter'" in trace:
            raise RefusedError("cookiecutter is not installed: uv run update_template.py")
        lines = [line for line in said.splitlines() if not line.startswith("Stopping generation")]
        raise RefusedError(
            f"the template at {name_of(template, commit)} cannot be rendered: "
            f"{' '.join(lines) or trace.splitlines()[-1]} (other answers: --answer NAME=VALUE)"
        )
    [project] = (folder / "output").iterdir()
    [replay] = (folder / "replay_dir").iterdir()
    variables: Answers = json.loads(replay.read_text(encoding="utf-8"))["cookiecutter"]
    of_this_run = ("_template", "_output_dir", "_repo_dir", "_checkout")
    return project, {key: v for key, v in variables.items() if key not in of_this_run}


def new_answers(questions: Answers, known: Answers) -> Answers:
    """Return answers to the questions that are new.

    At a terminal they are asked for. Else each gets what changes an existing project least: the
    default, or what the template has for it in `_defaults_for_updates`.
    """
    answers: Answers = {}
    for name, default in questions.items():
        if name in known or name.startswith("_"):
            continue
        value = default[0] if isinstance(default, list) else default
        value = questions.get("_defaults_for_updates", {}).get(name, value)
        if sys.stdin.isatty():
            prompt = questions.get("__prompts__", {}).get(name, name)
            print("New:", prompt["__prompt__"] if isinstance(prompt, dict) else prompt)
            choices = f" ({', '.join(default)})" if isinstance(default, list) else ""
            value = input(f"{name}{choices} [{value}]: ").strip() or value
        answers[name] = value
    return answers


def news(before: str, after: str) -> str:
    """Return the changelog's sections that are new, with what is to be done by hand at the end."""
    sections: list[str] = []
    steps: list[str] = []
    for section in re.split(r"^(?=## )", after, flags=re.MULTILINE)[1:]:
        if section.strip() not in before:
            text, _, by_hand = section.partition("\n### By hand\n")
            sections.append(text.strip())
            if by_hand:
                release = text.splitlines()[0].removeprefix("## ")
                steps.insert(0, f"## By hand: {release}\n\n{by_hand.strip()}")
    return "\n\n".join(sections + steps)


class Project:
    """The project in the current folder, as its last commit has it."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        head = run("git", "rev-parse", "--verify", "HEAD")
        if "not a git repository" in head.stderr:
            raise RefusedError("this folder is not under git: git init && git add . && git commit")
        if head.returncode:
            raise RefusedError(f"{reason(head.stderr)}; is nothing committed? git commit")
        # Where it is in its repository: "", or "folder/".
        self.prefix = git("rev-parse", "--show-prefix")
        self.root = Path(git("rev-parse", "--show-toplevel"))
        listed = files("--stage", "--full-name", ":(top)")
        self.entries = {path: f"{mode} {name}" for mode, name, _, path in listed}
        self.state: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        try:
            if Path(".cruft.json").exists():
                self.state = json.loads(Path(".cruft.json").read_text(encoding="utf-8"))
            if Path("pyproject.toml").exists():
                self.settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
            if self.state and {"template", "commit", "context"} - set(self.state):
                raise ValueError(".cruft.json lacks the template, the commit or the context")
        except ValueError as error:
            raise RefusedError(f"mend .cruft.json or pyproject.toml first: {error}") from error
        self.answers: Answers = self.state.get("context", {}).get("cookiecutter", {})

    def skips(self, path: str) -> bool:
        """Return whether `path`, or a folder that it is in, is not the template's to change."""
        cruft = self.settings.get("tool", {}).get("cruft", {})
        patterns = cruft.get("skip", []) + self.state.get("skip", [])
        return any(fnmatch.fnmatchcase(p, skip) for p in with_parents(path) for skip in patterns)

    def store(self, rendering: Path) -> Entries:
        """Store the files of a rendering as git's objects, with the project's line ends."""
        ends = {path: end for end, *_, path in files("--eol")}
        usual = max(("i/lf", "i/crlf"), key=list(ends.values()).count)
        for file in rendering.rglob("*"):
            path = file.relative_to(rendering).as_posix()
            if ends.get(path, usual) == "i/crlf" and file.is_file() and not file.is_symlink():
                content = file.read_bytes()
                if b"\0" not in content:
                    file.write_bytes(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        place = {
            "GIT_DIR": git("rev-parse", "--absolute-git-dir"),
            "GIT_WORK_TREE": str(rendering),
            "GIT_INDEX_FILE": f"{rendering}.index",
        }
        raw = ("-c", "core.autocrlf=false", "-c", "core.fsmonitor=false")
        git(*raw, "add", "--force", "--all", ".", cwd=rendering, **place)
        listed = files("--stage", cwd=rendering, **place)
        return {path: f"{mode} {name}" for mode, name, _, path in listed}

    def with_files(self, rendered: Entries) -> Entries:
        """Return the repository's files, with those of `rendered` for all of the project's."""
        state = f"{self.prefix}.cruft.json"
        # The other files are in it lest git takes one for a file of the project that was moved.
        others = {p: e for p, e in self.entries.items() if not p.startswith(self.prefix)}
        files = {self.prefix + path: e for path, e in rendered.items() if not self.skips(path)}
        return others | {state: self.entries[state]} | files

    def tree(self, entries: Entries) -> str:
        """Write a tree with `entries`, and return its name."""
        index = f"{tempfile.mkdtemp(dir=self.scratch)}/index"
        lines = "".join(f"{entry}\t{path}\0" for path, entry in entries.items())
        git("update-index", "-z", "--index-info", text=lines, GIT_INDEX_FILE=index)
        return git("write-tree", GIT_INDEX_FILE=index)

    def in_the_way(self, paths: set[str]) -> list[str]:
        """Return the files outside git where `paths` go: git would overwrite ignored ones."""
        folders = {folder for path in self.entries for folder in with_parents(path)[1:]}
        parents = {folder for path in paths for folder in with_parents(path)[1:]}
        there = {path for path in paths if os.path.lexists(self.root / path)}
        there |= {
            folder
            for folder in parents
            if (self.root / folder).is_file() or (self.root / folder).is_symlink()
        }
        return sorted(there - folders - self.entries.keys())

    def merge(self, place: Path, base: Entries, theirs: Entries, message: str) -> int:
        """Merge the change from `base` to `theirs` into the work tree `place`, and say how.

        Returns:
            The exit code.
        """
        commit = (*IDENTITY, "commit-tree", "-m", message)
        theirs_commit = git(*commit, "-p", git(*commit, self.tree(base)), self.tree(theirs))
        # Ctrl-C would stop git in the middle of writing files.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end = run("git", *MERGING, "cherry-pick", "--no-commit", theirs_commit, cwd=place)
        stages: dict[str, str] = {}
        for _, _, stage, path in files("--unmerged", cwd=place):
            stages[path] = stages.get(path, "") + stage
        if end.returncode and not stages:
            raise RefusedError(reason(end.stderr))
        told = [line for line in end.stdout.splitlines() if line.startswith("CONFLICT")]
        for path in [path for path, found in stages.items() if found == "13" and path in base]:
            # Deleted here and changed there, under the same name: it stays deleted.
            git("rm", "--quiet", "--", path, cwd=place)
            del stages[path]
            told = [line for line in told if f": {path} deleted in HEAD" not in line]
            told.append(f"{path}: deleted here; the template's change to it is left out")
        changes = git("diff", "--cached", "--name-status", "--find-renames", "HEAD", cwd=place)
        print(indent("\n".join([changes, *told]), "    "), end="\n\n")
        return 1 if stages else 0


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Write .cruft.json, byte for byte as cruft does."""
    text = json.dumps(state, ensure_ascii=False, indent=2, separators=(",", ": "))
    (folder / ".cruft.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def update(options: argparse.Namespace, scratch: Path) -> int:
    """Update the project, and return the exit code."""
    project = Project(scratch)
    state = project.state
    if f"{project.prefix}.cruft.json" not in project.entries:
        raise RefusedError(
            "no .cruft.json is committed here: go to the project's folder, or git add .cruft.json "
            "&& git commit, or, where there is none, update_template.py --link TEMPLATE"
        )
    if git("status", "--porcelain", "--untracked-files=no"):
        raise RefusedError("there are uncommitted changes: git commit or git stash them first")
    template = clone(state["template"], scratch)
    try:
        old = commit_of(template, state["commit"])
    except RefusedError as error:
        raise RefusedError(
            f"the template has lost commit {state['commit']}, which this project is from; to find "
            f"the nearest release: update_template.py --link {state['template']}"
        ) from error
    new = commit_of(template, options.checkout) if options.checkout else newest(template, old)
    name = name_of(template, new)
    if new == old and not options.answer:
        print(f"Nothing to do: this project is at {name} of the template.")
        return 0
    if options.check:
        print(f"This project is at {name_of(template, old)} of the template, not at {name}.")
        return 1
    directory: str = state.get("directory") or ""
    questions = questions_of(template, new, directory)
    asked = [question for question in questions if not question.startswith("_")]
    if unknown := options.answer.keys() - set(asked):
        raise RefusedError(
            f"the template does not ask for {unknown.pop()}: --answer takes {', '.join(asked)}"
        )
    answers = project.answers | options.answer
    before, _ = render(template, old, directory, project.answers)
    after, variables = render(template, new, directory, new_answers(questions, answers) | answers)
    variables |= {"_template": state["template"], "_commit": new}
    state |= {"commit": new, "checkout": options.checkout or name}
    write_state(after, state | {"context": {"cookiecutter": variables}})
    base, theirs = (project.with_files(project.store(folder)) for folder in (before, after))
    changed = {path for path, entry in theirs.items() if base.get(path) != entry}
    if found := project.in_the_way(changed - project.entries.keys()):
        raise RefusedError(
            f"{', '.join(found)}: not under git, and where a file of the template goes; move it away"
        )
    place = scratch / "dry-run" if options.dry_run else project.root
    if options.dry_run:
        git("worktree", "add", "--quiet", "--detach", str(place), "HEAD")
    try:
        code = project.merge(place, base, theirs, f"Update to {name} of the template")
    finally:
        if options.dry_run:
            git("worktree", "remove", "--force", str(place))
    if text := news(*(read(template, commit, "CHANGELOG.md") for commit in (old, new))):
        print(text, end="\n\n")
    if options.dry_run:
        print("Nothing has been changed.")
    elif code:
        print("Resolve the conflicts (git mergetool, or edit and git add), test, git commit.")
    else:
        print("Look (git diff --cached), test, git commit.")
    return code


def guess(project: Project) -> Answers:
    """Return the answers that the project's own files tell."""
    settings = project.settings.get("project", {})
    author: dict[str, str] = next(iter(settings.get("authors", [])), {})
    readme = Path("README.md")
    title = readme.read_text(encoding="utf-8").partition("\n")[0] if readme.exists() else ""
    found = {
        "project_name": title.removeprefix("# "),
        "project_slug": settings.get("name", "").replace("-", "_"),
        "description": settings.get("description"),
        "author_name": author.get("name"),
        "author_email": author.get("email"),
    }
    return {name: value for name, value in found.items() if value}


def link(options: argparse.Namespace, scratch: Path) -> int:
    """Write a .cruft.json with the release that the project is nearest to; return the exit code."""
    project = Project(scratch)
    template = clone(options.link, scratch)
    refs = [options.checkout] if options.checkout else releases(template)
    if not refs:
        raise RefusedError("the template has no release yet: name a commit with --checkout")
    commits = [commit_of(template, ref) for ref in refs]
    mine = f"HEAD:{project.prefix}"

    def compare(commit: str, answers: Answers) -> tuple[int, str, Answers]:
        """Return how many lines differ from a rendering, its tree, and its variables."""
        rendering, variables = render(template, commit, "", answers)
        tree = project.tree(project.store(rendering))
        counted = git("diff-tree", "-r", "--numstat", "--no-renames", tree, mine)
        lines = [n for line in counted.splitlines() for n in line.split("\t")[:2] if n != "-"]
        return sum(map(int, lines)), tree, variables

    answers = guess(project) | project.answers | options.answer
    for name, default in questions_of(template, commits[0], "").items():
        choices = [default, not default] if isinstance(default, bool) else default
        if isinstance(choices, list) and name not in answers and not name.startswith("_"):
            tried = [
                (compare(commits[0], answers | {name: choice})[0], choice) for choice in choices
            ]
            answers[name] = min(tried, key=lambda pair: pair[0])[1]
    commit = min(commits, key=lambda commit: compare(commit, answers)[0])
    lines, tree, variables = compare(commit, answers)
    name = name_of(template, commit)
    url = git("config", "remote.origin.url", cwd=template)
    variables |= {"_template": url, "_commit": commit}
    state = {"template": url, "commit": commit, "checkout": options.checkout or name}
    write_state(Path(), state | {"context": {"cookiecutter": variables}, "directory": None})
    print(git("diff", "--stat", "--diff-filter=MD", tree, mine))
    print(f"{lines} lines differ, your own files included: git diff {tree} {mine}")
    print(f"The nearest release is {name}, with")
    print(*(f"  {key}={v}" for key, v in variables.items() if not key.startswith("_")), sep="\n")
    print("Is that so? git add .cruft.json && git commit -m 'Link to the template'")
    print("Is it not? Link again with --checkout RELEASE or --answer NAME=VALUE.")
    return 0


def main() -> int:
    """Do what the command line says, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--checkout", metavar="REF", help="a tag, branch or commit, not the newest release")
    add("--answer", metavar="NAME=VALUE", action="append", default=[], help="switch an answer")
    add("--check", action="store_true", help="only say whether there is something to update to")
    add("--dry-run", action="store_true", help="only say what would change and conflict")
    add("--link", metavar="TEMPLATE", help="write the .cruft.json that a project lacks")
    options = parser.parse_args()
    if wrong := [answer for answer in options.answer if "=" not in answer]:
        parser.error(f"--answer {wrong[0]}: write NAME=VALUE")
    options.answer = dict(answer.split("=", 1) for answer in options.answer)
    for stream in (sys.stdout, sys.stderr):
        # A file's name or a changelog may have characters that the terminal has not.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        if shutil.which("git") is None:
            raise RefusedError("git is not installed: install it first")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            return (link if options.link else update)(options, Path(scratch))
    except (KeyboardInterrupt, EOFError):
        message = "stopped; nothing has changed"
    except RefusedError as error:
        # Without the password that a URL may have.
        message = re.sub(r"://[^/@\s]*@", "://", str(error))
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
