"""Situations of an update: a small template with three releases, and what users do meanwhile.

`python -m tests.situations` runs update_template.py and cruft in each of them and writes the
table of docs/updating.md; test_updating.py compares the table with what comes out.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .projects import REPOSITORY
from .repositories import Git

SCRIPT = REPOSITORY / "{{cookiecutter.project_slug}}" / "update_template.py"
TABLE = REPOSITORY / "docs" / "updating.md"
SLUG = "shop"
ROOT = "{{cookiecutter.project_slug}}"


def lines(name: str, **changed: str) -> str:
    """Return twenty lines of Python; `changed` replaces some, by their number as `_7`."""
    return "".join(
        changed.get(f"_{number}", f"{name}_{number} = {number}") + "\n" for number in range(1, 21)
    )


MACHINERY = ("one", "two", "three", "four")
HOOK = """import os
os.remove("{{ 'blue.py' if cookiecutter.colour == 'red' else 'red.py' }}")
print("a hook that prints")
"""
QUESTIONS = {
    "project_name": "Shop",
    "project_slug": SLUG,
    "colour": ["red", "blue"],
    "loud": False,
    "_copy_without_render": ["machinery/*"],
}
PYPROJECT = f"""[project]
name = "{ROOT}"
[tool.cruft]
skip = ["history", "pinned*.txt"]
"""
FIRST = {
    "CHANGELOG.md": "# Changelog\n\n## 0.1.0\n\nThe first.\n",
    "hooks/post_gen_project.py": HOOK,
    f"{ROOT}/README.md": "# {{cookiecutter.project_name}}\n\n"
    + lines("text", _20="loud: {{cookiecutter.loud}}"),
    f"{ROOT}/pyproject.toml": PYPROJECT,
    f"{ROOT}/settings.py": lines("setting"),
    f"{ROOT}/helper.py": lines("helper"),
    f"{ROOT}/plain.py": lines("plain"),
    f"{ROOT}/removed.py": lines("removed"),
    f"{ROOT}/run.sh": "echo run\n",
    f"{ROOT}/red.py": lines("red"),
    f"{ROOT}/blue.py": lines("blue"),
    f"{ROOT}/history/first.txt": "first\n",
    f"{ROOT}/pinned_versions.txt": "1\n",
    f"{ROOT}/{ROOT}/__init__.py": "",
    f"{ROOT}/{ROOT}/model.py": lines("model"),
    **{f"{ROOT}/machinery/{name}.py": lines(name) for name in MACHINERY},
}
SECOND = {
    path: text for path, text in FIRST.items() if "machinery" not in path and "removed" not in path
} | {
    "CHANGELOG.md": "# Changelog\n\n## 0.2.0\n\nThe second.\n\n### By hand\n\nMove a lever.\n\n"
    "## 0.1.0\n\nThe first.\n",
    f"{ROOT}/settings.py": lines("setting", _10="setting_10 = 'two'"),
    f"{ROOT}/helper.py": lines("helper", _10="helper_10 = 'two'"),
    f"{ROOT}/plain.py": lines("plain", _10="plain_10 = 'two'"),
    f"{ROOT}/red.py": lines("red", _10="red_10 = 'two'"),
    f"{ROOT}/new.py": lines("new"),
    f"{ROOT}/folder/inside.py": lines("inside"),
    f"{ROOT}/history/first.txt": "changed\n",
    f"{ROOT}/pinned_versions.txt": "2\n",
    f"{ROOT}/size.txt": "size={{cookiecutter.size}}\n",
    **{f"{ROOT}/engine/{name}.py": lines(name, _10=f"{name}_10 = 'two'") for name in MACHINERY},
}
NEW_QUESTIONS = QUESTIONS | {
    "size": ["big", "small"],
    "_copy_without_render": ["engine/*"],
    "_defaults_for_updates": {"size": "small"},
    "__prompts__": {"size": {"__prompt__": "How big?", "big": "Very", "small": "Not very"}},
}
THIRD = SECOND | {
    "CHANGELOG.md": SECOND["CHANGELOG.md"].replace(
        "# Changelog\n",
        "# Changelog\n\n## 0.10.0\n\nThe third.\n\n### By hand\n\nMove it back.\n",
    ),
    f"{ROOT}/settings.py": lines("setting", _10="setting_10 = 'three'"),
    f"{ROOT}/new.py": lines("new", _10="new_10 = 'three'"),
}


def write(folder: Path, files: dict[str, str]) -> None:
    """Give a repository these files, and no other."""
    for path in folder.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")


def make_template(folder: Path) -> Git:
    """Make the template's repository: three releases, and a branch `next` that is after them."""
    folder.mkdir()
    template = Git(folder)
    releases = [
        ("v0.1.0", FIRST, QUESTIONS),
        ("v0.2.0", SECOND, NEW_QUESTIONS),
        ("v0.10.0", THIRD, NEW_QUESTIONS),
    ]
    for release, files, questions in releases:
        write(folder, files | {"cookiecutter.json": json.dumps(questions)})
        if release != "v0.1.0":
            (folder / ROOT / "run.sh").chmod(0o755)
        template.commit(release)
        template.ok("git", "tag", "--annotate", "--message", release, release)
    template.ok("git", "tag", "nightly")
    template.ok("git", "switch", "--quiet", "--create", "next")
    (folder / ROOT / "new.py").write_text("next = 1\n")
    (folder / "hooks" / "pre_gen_project.py").write_text(
        "import sys\nif '{{cookiecutter.project_name}}' == 'Refused':\n"
        "    sys.exit(\"project_name is 'Refused': another one would do.\")\n"
    )
    template.commit("after the release")
    template.ok("git", "switch", "--quiet", "main")
    return template


def make_project(template: Git, folder: Path) -> Git:
    """Make a project from the template's first release, and commit it."""
    Git(folder).cruft("create", "-y", "-c", "v0.1.0", str(template.path))
    project = Git(folder / SLUG)
    project.commit("created")
    return project


@dataclass
class Situation:
    """What a user has done in a project of the first release, before an update."""

    text: str
    # In the project's folder, committed afterwards.
    work: Callable[[Git], object] = lambda project: None
    # Not committed.
    last: Callable[[Git], object] = lambda project: None
    # Has to be in some file after the update.
    mine: tuple[str, ...] = ()
    # Has to have come with it, unless there is a conflict.
    theirs: tuple[str, ...] = ("new_10", "setting_10 = 'two'")
    # Must not be there any more, unless there is a conflict.
    gone: tuple[str, ...] = ()
    # The file whose change is left out: that has to be said.
    said: str = ""
    release: str = "v0.2.0"
    answers: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    # git clone's options, when the update is run in a fresh clone.
    clone: tuple[str, ...] | None = None
    # An update to the second release comes first, by the same program.
    second: bool = False
    # The project is in this folder of its repository.
    inside: str = ""


def edit(name: str, number: int) -> Callable[[Git], None]:
    """Return a user's edit: line `number` of the file `name` becomes mine."""

    def change(project: Git) -> None:
        path = project.path / name
        text = path.read_bytes().decode().splitlines(keepends=True)
        end = "\r\n" if text[number - 1].endswith("\r\n") else "\n"
        text[number - 1] = f"mine_{path.stem} = 1{end}"
        path.write_bytes("".join(text).encode())

    return change


def add(name: str, text: str) -> Callable[[Git], None]:
    """Return a user's own file, or more lines in one that is there."""

    def change(project: Git) -> None:
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        with (project.path / name).open("a", encoding="utf-8", newline="") as file:
            file.write(text)

    return change


def move(old: str, new: str) -> Callable[[Git], None]:
    """Return a user's renaming of a file."""

    def change(project: Git) -> None:
        (project.path / new).parent.mkdir(parents=True, exist_ok=True)
        (project.path / old).rename(project.path / new)

    return change


def delete(name: str) -> Callable[[Git], None]:
    """Return a user's deleting of a file."""
    return lambda project: (project.path / name).unlink()


def all_of(*changes: Callable[[Git], object]) -> Callable[[Git], None]:
    """Return several changes as one."""

    def change(project: Git) -> None:
        for one in changes:
            one(project)

    return change


def recorded(**values: object) -> Callable[[Git], None]:
    """Return a change of .cruft.json."""

    def change(project: Git) -> None:
        path = project.path / ".cruft.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def committed(project: Git) -> None:
    """Commit what is there."""
    project.commit("my work")


def with_crlf(project: Git) -> None:
    """Give every file of the project Windows' line ends."""
    for path in project.path.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def without_git(project: Git) -> None:
    """Remove the repository."""
    shutil.rmtree(project.path / ".git")


def from_github(project: Git) -> None:
    """Name the template as cookiecutter's users do; git is told that GitHub is here."""
    state = json.loads((project.path / ".cruft.json").read_text())
    (project.home / "template.git").symlink_to(state["template"])
    (project.home / ".gitconfig").write_text(
        f'[url "file://{project.home}/"]\ninsteadOf = https://github.com/org/\n'
    )
    recorded(template="gh:org/template")(project)


# The third is next to the template's own change: that is a conflict.
MOVED_EDITS = all_of(
    edit("machinery/one.py", 3), edit("machinery/two.py", 17), edit("machinery/three.py", 11)
)
MOVED_MINE = ("mine_one", "mine_two", "mine_three")
MOVED_GONE = tuple(f"machinery/{name}.py" for name in MACHINERY)

SITUATIONS = [
    Situation(
        "you have edited other lines than the template, and added files",
        all_of(edit("settings.py", 3), edit("README.md", 15), add("own.py", "own = 1\n")),
        mine=("mine_settings", "mine_README", "own = 1"),
        gone=("removed.py", *MOVED_GONE),
    ),
    Situation(
        "you have edited the same line",
        all_of(edit("settings.py", 10)),
        mine=("mine_settings",),
        theirs=("setting_10 = 'two'", "new_10"),
    ),
    Situation(
        "the same, at the second update and in a fresh clone",
        edit("settings.py", 3),
        last=all_of(add("settings.py", "last = 1\n"), edit("settings.py", 10), committed),
        second=True,
        clone=(),
        release="v0.10.0",
        mine=("mine_settings", "last = 1"),
        theirs=("setting_10 = 'three'", "new_10 = 'three'"),
    ),
    Situation(
        "the template moves a folder of which you have edited three files",
        MOVED_EDITS,
        mine=MOVED_MINE,
        theirs=("one_10 = 'two'", "three_10 = 'two'", "new_10"),
        gone=MOVED_GONE,
    ),
    Situation(
        "the same, in a shallow clone",
        MOVED_EDITS,
        clone=("--depth=1",),
        mine=MOVED_MINE,
        theirs=("one_10 = 'two'", "three_10 = 'two'", "new_10"),
        gone=MOVED_GONE,
    ),
    Situation(
        "the same, with edits on other lines, and your git does not look for renames",
        all_of(
            edit("machinery/one.py", 3), lambda git: git.ok("git", "config", "diff.renames", "no")
        ),
        mine=("mine_one",),
        theirs=("one_10 = 'two'", "new_10"),
        gone=MOVED_GONE,
    ),
    Situation(
        "you have a file of your own in a folder that moves",
        add("machinery/own.py", "own = 1\n"),
        mine=("own = 1",),
        gone=("machinery/own.py", *MOVED_GONE),
    ),
    Situation(
        "you have deleted one file of a folder that moves, and moved another",
        all_of(delete("machinery/one.py"), move("machinery/two.py", "elsewhere/two.py")),
        mine=("two_3 = 3",),
        gone=("engine/one.py", "engine/two.py"),
    ),
    Situation(
        "you have deleted a file that the template changes",
        delete("helper.py"),
        theirs=("helper_10 = 'two'", "new_10"),
        gone=("helper.py",),
        said="helper.py",
    ),
    Situation(
        "you have edited a file that the template deletes",
        edit("removed.py", 3),
        mine=("mine_removed",),
        gone=("removed.py",),
    ),
    Situation(
        "you have moved a file that the template changes",
        move("plain.py", "elsewhere/plain.py"),
        theirs=("plain_10 = 'two'", "new_10"),
        gone=("plain.py",),
    ),
    Situation(
        "you and the template have added a file of the same name",
        add("new.py", "mine_new = 1\n"),
        mine=("mine_new",),
    ),
    Situation(
        "an ignored file is where the template adds one",
        add(".gitignore", "/new.py\n"),
        last=add("new.py", "mine_new = 1\n"),
        mine=("mine_new",),
    ),
    Situation(
        "an ignored file is where the template adds a folder",
        add(".gitignore", "/folder\n"),
        last=add("folder", "mine_folder = 1\n"),
        mine=("mine_folder",),
        theirs=("inside_10", "new_10"),
    ),
    Situation(
        "a file of yours is where the template adds a folder",
        add("folder", "mine_folder = 1\n"),
        mine=("mine_folder",),
        theirs=("inside_10", "new_10"),
    ),
    Situation(
        "an untracked file is where the template adds one",
        last=add("new.py", "mine_new = 1\n"),
        mine=("mine_new",),
    ),
    Situation(
        "an untracked file is elsewhere",
        last=add("own.py", "own = 1\n"),
        mine=("own = 1",),
    ),
    Situation(
        "a file that `[tool.cruft] skip` names, and its folder, are changed by both",
        all_of(edit("history/first.txt", 1), edit("pinned_versions.txt", 1)),
        mine=("mine_first", "mine_pinned_versions"),
    ),
    Situation(
        "you switch an answer that you have edited no file of",
        answers={"colour": "blue"},
        theirs=("blue_10", "new_10"),
        gone=("red.py",),
    ),
    Situation(
        "you switch an answer and have edited a file that only the old one has",
        all_of(edit("red.py", 3), edit("settings.py", 3)),
        answers={"colour": "blue"},
        mine=("mine_red", "mine_settings"),
        theirs=("blue_10", "setting_10 = 'two'"),
        gone=("red.py",),
    ),
    Situation(
        "you switch `project_slug` and have a file of your own in the package",
        add(f"{SLUG}/own.py", "own = 1\n"),
        answers={"project_slug": "store"},
        mine=("own = 1",),
        gone=(f"{SLUG}/own.py", f"{SLUG}/model.py"),
    ),
    Situation(
        "the project is committed with Windows' line ends",
        all_of(with_crlf, edit("settings.py", 3)),
        mine=("mine_settings = 1\r\n",),
        theirs=("new_10 = 10\r\n", "setting_10 = 'two'\r\n", "one_10 = 'two'\r\n"),
        gone=("removed.py",),
    ),
    Situation(
        "the project is in a folder of a larger repository",
        edit("settings.py", 3),
        inside="services/shop",
        mine=("mine_settings",),
    ),
    Situation(
        "the template's address is `gh:…`", from_github, theirs=("new_10", "setting_10 = 'two'")
    ),
    Situation(
        "there is no `.git`",
        all_of(edit("settings.py", 10), without_git),
        mine=("mine_settings",),
    ),
    Situation("something is not committed", last=edit("settings.py", 3), mine=("mine_settings",)),
    Situation("the template is gone", recorded(template="/nowhere/template")),
    Situation("the template has lost the project's commit", recorded(commit="0" * 40)),
    Situation("the template has no such answer", answers={"colour": "green"}),
    Situation(
        "the new release refuses the project's answers",
        release="next",
        answers={"project_name": "Refused"},
        theirs=("next = 1",),
    ),
]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a work tree, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def ours(project: Git, situation: Situation, release: str) -> subprocess.CompletedProcess[str]:
    """Update with update_template.py."""
    answers = [f"--answer={name}={value}" for name, value in situation.answers.items()]
    command = (sys.executable, str(SCRIPT), "--checkout", release, *answers)
    return project.run(*command, **situation.variables)


def cruft(project: Git, situation: Situation, release: str) -> subprocess.CompletedProcess[str]:
    """Update with cruft."""
    answers = ("--variables-to-update", json.dumps(situation.answers))
    command = (sys.executable, "-m", "cruft", "update", "-y", "--checkout", release, *answers)
    return project.run(*command, **situation.variables)


Program = Callable[[Git, Situation, str], subprocess.CompletedProcess[str]]


def prepared(situation: Situation, pattern: Git, folder: Path, program: Program) -> Git:
    """Return a copy of the project `pattern` in `folder` that is in the situation."""
    if situation.inside:
        repository = Git(folder / "repository")
        shutil.copytree(pattern.path, repository.path / situation.inside)
        project = Git(repository.path / situation.inside)
        shutil.rmtree(project.path / ".git")
        (repository.path / "settings.py").write_text(lines("setting"))
        repository.commit("created")
    else:
        repository = project = Git(folder / SLUG)
        shutil.copytree(pattern.path, project.path)
    situation.work(project)
    if (repository.path / ".git").exists():
        repository.commit("my work")
    if situation.second:
        end = program(project, situation, "v0.2.0")
        assert end.returncode == 0, end.stdout + end.stderr
        repository.commit("updated")
    situation.last(project)
    if situation.clone is not None:
        clone = folder / "clone" / SLUG
        project.ok("git", "clone", "-q", *situation.clone, f"file://{project.path}", str(clone))
        project = Git(clone)
    return project


def outcome(situation: Situation, pattern: Git, folder: Path, program: Program) -> str:
    """Run an update in a situation, and return what came of it: in bold what is wrong."""
    project = prepared(situation, pattern, folder, program)
    before = contents(project.path)
    end = program(project, situation, situation.release)
    after = contents(project.path)
    text = "\n".join(
        content.decode() for name, content in after.items() if not name.endswith(".rej")
    )
    lost = [mine for mine in situation.mine if mine not in text]
    missing = [theirs for theirs in situation.theirs if theirs not in text]
    left = [name for name in situation.gone if name in after]
    listed = project.run("git", "ls-files", "--unmerged").stdout.splitlines()
    conflicts = {line.partition("\t")[2] for line in listed}
    rejected = [name for name in after if name.endswith(".rej")]
    said = situation.said and situation.said in end.stdout + end.stderr

    if end.returncode and before == after and not conflicts:
        return f"{end.returncode}, refused"
    facts = [f"{len(conflicts)} in conflict"] if conflicts else []
    facts += [f"{len(rejected)} `.rej`"] if rejected else []
    wrong = [f"your `{name}` is lost" for name in lost]
    if end.returncode == 0 and (conflicts or rejected):
        wrong.append("exit code 0")
    if rejected:
        wrong.append("half applied")
    if missing and not conflicts and not said:
        wrong.append("the template's change is missing")
    if left and not conflicts:
        wrong.append(f"`{left[0]}` is still there")
    facts += ["said"] if said else []
    if wrong:
        facts.append(f"**{'; '.join(wrong)}**")
    return ", ".join([str(end.returncode), *(facts or ["clean"])])


def table() -> dict[str, tuple[str, str]]:
    """Return the rows of docs/updating.md: situation, update_template.py's outcome, cruft's."""
    rows = re.findall(
        r"^\| (.+) \| (.+) \| (.+) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {text: (first, second) for text, first, second in rows}


def main() -> None:
    """Measure, and write the table."""
    rows = ["| situation | `update_template.py` | cruft 2.16 |", "| --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as name:
        pattern = make_project(make_template(Path(name, "template")), Path(name))
        for situation in SITUATIONS:
            cells = [situation.text]
            for program in (ours, cruft):
                folder = Path(tempfile.mkdtemp(dir=name))
                cells.append(outcome(situation, pattern, folder, program))
            rows.append(f"| {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    text = TABLE.read_text(encoding="utf-8")
    found = re.compile(r"^\| situation .*?(?=^$)", re.MULTILINE | re.DOTALL)
    TABLE.write_text(found.sub("\n".join(rows) + "\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
