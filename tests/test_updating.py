"""update_template.py: what it does in each situation, and from each release to what is here."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from .projects import REPOSITORY, Project
from .repositories import Git
from .servers import new_database
from .situations import (
    ROOT,
    SCRIPT,
    SITUATIONS,
    SLUG,
    Situation,
    add,
    contents,
    cruft,
    edit,
    lines,
    make_project,
    make_template,
    ours,
    outcome,
    recorded,
    table,
)
from .test_regeneration import COMBINATIONS, PAIRWISE, WORKING_TREE, fill, name, same_files

Answers = dict[str, Any]


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Git:
    """The template of the situations."""
    return make_template(tmp_path_factory.mktemp("small") / "template")


@pytest.fixture(scope="session")
def pattern(small_template: Git) -> Git:
    """A project of its first release, to be copied."""
    return make_project(small_template, small_template.home)


@pytest.fixture
def project(pattern: Git, tmp_path: Path) -> Git:
    """A project of its first release."""
    shutil.copytree(pattern.path, tmp_path / SLUG)
    return Git(tmp_path / SLUG)


def update(project: Git, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script in the project's folder."""
    return project.run(sys.executable, str(SCRIPT), *arguments, **variables)


def updated(project: Git, *arguments: str, **variables: str) -> str:
    """Update without a conflict, and return what was printed."""
    end = update(project, *arguments, **variables)
    assert end.returncode == 0, end.stdout + end.stderr
    return end.stdout


def refused(project: Git, *arguments: str, **variables: str) -> str:
    """Return the one line with which an update is refused; nothing may have changed."""
    before = contents(project.path)
    status = project.run("git", "status", "--short").stdout
    end = update(project, *arguments, **variables)
    assert end.returncode == 2, end.stdout + end.stderr
    assert contents(project.path) == before
    assert project.run("git", "status", "--short").stdout == status
    [line] = end.stderr.splitlines()
    return line


def state(project: Git) -> dict[str, Any]:
    """Return .cruft.json."""
    found: dict[str, Any] = json.loads((project.path / ".cruft.json").read_text())
    return found


# The table of docs/updating.md


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.text)
def test_the_table_says_what_happens(situation: Situation, pattern: Git, tmp_path: Path) -> None:
    measured = outcome(situation, pattern, tmp_path, ours)
    assert "**" not in measured, "something is lost, or goes unsaid"
    assert table()[situation.text][0] == measured, "python -m tests.situations writes it anew"


@pytest.mark.weekly
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.text)
def test_the_table_says_what_cruft_does(situation: Situation, pattern: Git, tmp_path: Path) -> None:
    assert table()[situation.text][1] == outcome(situation, pattern, tmp_path, cruft)


def test_the_table_has_no_other_rows() -> None:
    headings = ["situation", "---"]
    assert list(table()) == headings + [situation.text for situation in SITUATIONS]


# Which release, and what it says


def test_the_newest_release_is_the_highest_number(project: Git) -> None:
    assert update(project, "--check").returncode == 1
    updated(project)
    assert state(project)["checkout"] == "v0.10.0"
    assert "new_10 = 'three'" in (project.path / "new.py").read_text()
    project.commit("updated")
    again = updated(project)
    assert "Nothing to do" in again
    assert "v0.10.0" in again
    assert project.ok("git", "status", "--short") == ""
    assert update(project, "--check").returncode == 0


@pytest.mark.parametrize("ref", ["v0.2.0", "next", "nightly", "commit"])
def test_another_one_can_be_named_and_the_way_back(
    ref: str, project: Git, small_template: Git
) -> None:
    if ref == "commit":
        ref = small_template.ok("git", "rev-parse", "--short", "v0.2.0").strip()
    updated(project, "--checkout", ref)
    commit = small_template.ok("git", "rev-parse", f"{ref}^{{commit}}").strip()
    assert state(project)["commit"] == commit
    assert state(project)["checkout"] == ref
    project.commit("updated")
    updated(project, "--checkout", "v0.1.0")
    project.commit("back")
    assert project.ok("git", "diff", "HEAD~2", "--stat", "--", ".", ":!.cruft.json") == ""


def test_a_project_from_after_the_newest_release_stays(project: Git) -> None:
    updated(project, "--checkout", "next")
    project.commit("updated")
    assert "Nothing to do" in updated(project)
    # Also with a switched answer.
    updated(project, "--answer", "project_name=Store")
    assert (project.path / "new.py").read_text() == "next = 1\n"


def test_without_a_release_there_is_nothing_to_do(project: Git, small_template: Git) -> None:
    clone = Git(project.home / "unreleased")
    project.ok("git", "clone", "-q", "--no-tags", str(small_template.path), str(clone.path))
    recorded(template=str(clone.path))(project)
    project.commit("another template")
    assert "Nothing to do" in updated(project)


def test_the_changelog_is_shown_with_what_is_to_be_done_by_hand_last(project: Git) -> None:
    shown = updated(project)
    parts = ["## 0.10.0", "The third.", "## 0.2.0", "The second."]
    parts += ["## By hand: 0.2.0", "Move a lever.", "## By hand: 0.10.0", "Move it back."]
    assert [shown.index(part) for part in parts] == sorted(shown.index(part) for part in parts)
    assert "The first." not in shown


def test_the_commit_is_prepared(project: Git) -> None:
    updated(project)
    project.ok("git", "commit", "--quiet", "--no-edit")
    message = project.ok("git", "log", "-1", "--format=%an: %s").strip()
    assert message == "a: Update to v0.10.0 of the template"
    assert project.ok("git", "status", "--short") == ""


def test_modes_follow(project: Git) -> None:
    updated(project)
    assert os.access(project.path / "run.sh", os.X_OK)


def test_cruft_goes_on_from_there(project: Git) -> None:
    updated(project)
    project.commit("updated")
    project.cruft("check")
    project.cruft("diff", "--exit-code")
    project.cruft("update", "-y", "--checkout", "v0.2.0")
    assert state(project)["checkout"] == "v0.2.0"


def test_it_writes_what_cruft_writes(project: Git) -> None:
    shutil.copytree(project.path, project.home / "other")
    other = Git(project.home / "other")
    updated(project, "--checkout", "v0.2.0", "--answer", "loud=yes", "--answer", "size=small")
    answers = {"loud": True, "size": "small"}
    other.cruft("update", "-y", "-c", "v0.2.0", "--variables-to-update", json.dumps(answers))
    assert contents(project.path) == contents(other.path)


# Answers


def test_a_new_answer_takes_what_changes_least(project: Git) -> None:
    updated(project)
    assert (project.path / "size.txt").read_text() == "size=small\n"
    assert state(project)["context"]["cookiecutter"]["size"] == "small"
    # It is the project's from then on, whatever the template says.
    project.commit("updated")
    updated(project, "--answer", "size=big")
    assert (project.path / "size.txt").read_text() == "size=big\n"
    project.commit("switched")
    updated(project, "--checkout", "next")
    assert (project.path / "size.txt").read_text() == "size=big\n"


@pytest.mark.parametrize(("typed", "expected"), [("big\n", "big"), ("\n", "small")])
def test_a_new_answer_is_asked_for_at_a_terminal(
    typed: str, expected: str, project: Git, tmp_path: Path
) -> None:
    ours_end, its_end = pty.openpty()
    os.write(ours_end, typed.encode())
    shown = tmp_path / "shown"
    with shown.open("w") as output:
        subprocess.run(
            [sys.executable, SCRIPT],
            cwd=project.path,
            env=os.environ | {"HOME": str(tmp_path)},
            stdin=its_end,
            stdout=output,
            check=True,
            timeout=60,
        )
    for end in (ours_end, its_end):
        os.close(end)
    assert "How big?" in shown.read_text()
    assert "size (big, small) [small]" in shown.read_text()
    assert (project.path / "size.txt").read_text() == f"size={expected}\n"


def test_the_users_own_defaults_and_replays_have_no_say(project: Git) -> None:
    config = f"default_context: {{size: big, colour: blue}}\nreplay_dir: {project.home}/replays\n"
    (project.home / ".cookiecutterrc").write_text(config)
    updated(project, COOKIECUTTER_CONFIG=str(project.home / ".cookiecutterrc"))
    assert (project.path / "size.txt").read_text() == "size=small\n"
    assert (project.path / "red.py").exists()
    assert not (project.home / "replays").exists()


# Refusals: one line that says what to type


def test_refusals_name_what_is_wrong_and_what_to_type(project: Git) -> None:
    assert "it" in refused(project, "--checkout", "v9.9.9")
    line = refused(project, "--checkout", "v9.9.9")
    assert "v9.9.9" in line
    assert "v0.10.0, v0.2.0, v0.1.0" in line
    line = refused(project, "--answer", "color=blue")
    assert "color" in line
    assert "colour" in line
    assert "--answer" in refused(project, "--answer", "colour=green")
    line = refused(project, "--checkout", "next", "--answer", "project_name=Refused")
    assert "project_name is 'Refused': another one would do." in line
    (project.path / "settings.py").write_text("changed\n")
    assert "git stash" in refused(project)
    project.ok("git", "reset", "--hard")
    (project.path / "new.py").write_text("mine\n")
    assert "new.py" in refused(project)
    (project.path / "new.py").unlink()
    (project.path / ".cruft.json").write_text("{")
    project.commit("broken")
    assert ".cruft.json" in refused(project)
    (project.path / ".cruft.json").write_text('{"template": "x"}')
    project.commit("broken")
    assert ".cruft.json lacks" in refused(project)
    project.ok("git", "rm", "--quiet", ".cruft.json")
    project.commit("not linked")
    assert "--link" in refused(project)
    shutil.rmtree(project.path / ".git")
    assert "git init" in refused(project)
    project.ok("git", "init", "--quiet")
    assert "git commit" in refused(project)


def test_the_users_git_configuration_has_no_say(project: Git) -> None:
    add("machinery/own.py", "own = 1\n")(project)
    for number in range(3):
        add(f"machinery/own_{number}.py", lines(f"own_{number}"))(project)
    edit("machinery/one.py", 3)(project)
    project.commit("my work")
    (project.path / ".git" / "info" / "exclude").write_text("*.py\n*.txt\n")
    (project.home / ".gitconfig").write_text(
        "[core]\nautocrlf = true\n[commit]\ngpgSign = true\n[user]\nuseConfigOnly = true\n"
        "[diff]\nrenames = false\n[merge]\nrenames = false\nrenameLimit = 1\n"
        "directoryRenames = false\n[status]\nshowUntrackedFiles = all\n"
    )
    end = update(project)
    assert end.returncode == 1, end.stderr
    conflicts = [line for line in end.stdout.splitlines() if "CONFLICT" in line]
    assert all("CONFLICT (file location)" in line for line in conflicts)
    assert len(conflicts) == 4
    text = (project.path / "engine" / "one.py").read_text()
    assert "mine_one" in text
    assert "one_10 = 'two'" in text
    assert "new_10 = 'three'" in project.ok("git", "show", ":new.py")
    assert "\r" not in project.ok("git", "show", ":settings.py")


def test_a_templates_password_is_not_shown(project: Git) -> None:
    recorded(template="http://me:secret@127.0.0.1:9/template")(project)
    project.commit("a private template")
    line = refused(project)
    assert "secret" not in line
    assert "git ls-remote http://127.0.0.1:9/template" in line


def test_a_lost_commit_is_found_again_by_linking(project: Git) -> None:
    recorded(commit="0" * 40)(project)
    project.commit("lost")
    command = refused(project).partition("update_template.py ")[2].split()
    updated(project, *command)
    project.commit("linked")
    assert state(project)["checkout"] == "v0.1.0"
    updated(project)


def test_the_index_is_locked(project: Git) -> None:
    (project.path / ".git" / "index.lock").touch()
    assert "index.lock" in refused(project)


def test_a_commit_hook_of_the_user_does_not_run(project: Git) -> None:
    for kind in ("pre-commit", "commit-msg", "prepare-commit-msg"):
        hook = project.path / ".git" / "hooks" / kind
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    updated(project)


# Nothing half done


@pytest.mark.parametrize("arguments", [(), ("--answer", "colour=blue")])
def test_a_dry_run_changes_nothing_and_tells_the_same(
    arguments: tuple[str, ...], project: Git
) -> None:
    edit("settings.py", 10)(project)
    edit("red.py", 3)(project)
    project.commit("my work")
    before = contents(project.path)
    dry = update(project, "--dry-run", *arguments)
    assert dry.returncode == 1
    assert contents(project.path) == before
    assert project.ok("git", "status", "--short") == ""
    assert project.ok("git", "worktree", "list").count("\n") == 1
    assert not (project.path / ".git" / "MERGE_MSG").exists()
    wet = update(project, *arguments)
    # But for the last words, and the commits' names.
    told = [re.sub(r"[0-9a-f]{7} \(", "(", out) for out in (dry.stdout, wet.stdout)]
    assert told[0].rpartition("\n\n")[0] == told[1].rpartition("\n\n")[0]
    assert "Nothing has been changed" in dry.stdout


def test_ctrl_c_while_git_writes_is_left_until_later(project: Git) -> None:
    programs = project.home / "programs"
    programs.mkdir()
    found = shutil.which("git")
    (programs / "git").write_text(
        f'#!/bin/sh\ncase "$*" in *cherry-pick*) kill -INT $PPID $$;; esac\nexec {found} "$@"\n'
    )
    (programs / "git").chmod(0o755)
    # Whatever started the tests may ignore Ctrl-C.
    command = ("env", "--default-signal=INT", sys.executable, str(SCRIPT))
    end = project.run(*command, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert end.returncode == 0, end.stderr
    assert "The third." in end.stdout
    assert (project.path / "new.py").exists()


# Where a git or Python that is started stops the script for good, by the number of the call.
KILLING = """#!/bin/sh
echo x >> "$COUNT"
[ "$(wc -l < "$COUNT")" -lt "$KILLED_AT" ] || kill -KILL $PPID
exec {git} "$@"
"""


def killed(project: Git, moment: int) -> bool:
    """Whether an update was killed where it starts git for the `moment`-th time."""
    programs = project.home / "programs"
    programs.mkdir(exist_ok=True)
    found = shutil.which("git")
    assert found is not None
    (programs / "git").write_text(KILLING.format(git=found))
    (programs / "git").chmod(0o755)
    count = project.home / f"count-{moment}"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    end = update(project, PATH=path, COUNT=str(count), KILLED_AT=str(moment))
    return end.returncode == -signal.SIGKILL


def test_a_killed_run_leaves_the_tree_as_it_was(project: Git) -> None:
    edit("settings.py", 3)(project)
    project.commit("my work")
    before = contents(project.path)
    # Looking at the project, cloning, rendering, storing; a later kill is after the merge.
    for moment in (2, 7, 14, 18, 24, 27):
        assert killed(project, moment)
        assert contents(project.path) == before, moment
        assert project.ok("git", "status", "--short") == "", moment
    updated(project)


def test_what_the_rules_of_a_conflict_are(project: Git) -> None:
    edit("settings.py", 10)(project)
    project.commit("my work")
    end = update(project)
    assert end.returncode == 1
    assert "CONFLICT (content): Merge conflict in settings.py" in end.stdout
    text = (project.path / "settings.py").read_text()
    assert "<<<<<<< HEAD\nmine_settings = 1\n=======\nsetting_10 = 'three'\n>>>>>>> " in text
    assert "(Update to v0.10.0 of the template)" in text
    stages = [line.split()[2] for line in project.ok("git", "ls-files", "-u").splitlines()]
    assert stages == ["1", "2", "3"]
    assert "Update to v0.10.0" in (project.path / ".git" / "MERGE_MSG").read_text()
    # A second run does not start from there.
    assert "git stash" in refused(project)
    project.ok("git", "reset", "--quiet", "--hard")
    assert project.ok("git", "status", "--short") == ""
    assert update(project).returncode == 1
    project.ok("git", "checkout", "--ours", "settings.py")
    project.ok("git", "add", "settings.py")
    project.ok("git", "commit", "--quiet", "--no-edit")
    assert "Nothing to do" in updated(project)


def test_only_the_projects_folder_of_a_repository_changes(pattern: Git, tmp_path: Path) -> None:
    repository = Git(tmp_path / "all")
    for place in ("services/shop", "services/other"):
        shutil.copytree(pattern.path, repository.path / place)
        shutil.rmtree(repository.path / place / ".git")
    # git must not take the other project's file for this one.
    (repository.path / "services" / "shop" / "helper.py").unlink()
    repository.commit("created")
    updated(Git(repository.path / "services" / "shop"))
    changed = repository.ok("git", "diff", "--cached", "--name-only").splitlines()
    assert "services/shop/new.py" in changed
    assert all(path.startswith("services/shop/") for path in changed)


def test_a_git_worktree(project: Git) -> None:
    project.ok("git", "worktree", "add", "--quiet", str(project.home / "beside"))
    beside = Git(project.home / "beside")
    updated(beside)
    assert (beside.path / "new.py").exists()
    assert project.ok("git", "status", "--short") == ""


def test_line_ends_of_a_checkout_with_autocrlf(project: Git) -> None:
    project.ok("git", "config", "core.autocrlf", "true")
    project.ok("git", "rm", "-r", "--quiet", "--cached", ".")
    project.ok("git", "reset", "--quiet", "--hard")
    assert b"\r\n" in (project.path / "settings.py").read_bytes()
    updated(project)
    assert b"'three'\r\n" in (project.path / "settings.py").read_bytes()
    assert b"\r" not in project.ok("git", "show", ":settings.py").encode()


def test_without_cookiecutter_it_says_how_to_be_run(project: Git, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    end = project.run(str(tmp_path / "bare" / "bin" / "python"), str(SCRIPT))
    assert end.returncode == 2
    assert end.stderr == "cookiecutter is not installed: uv run update_template.py\n"


# From each release of this template to what is in this folder

RELEASES = [
    line.partition(" ")[0]
    for line in (REPOSITORY / "tests" / "releases.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
# What a user has changed: a file, a text that is in it once, and the text that takes its place.
# A later release that has other files adds its own lines here.
EDITS = [
    ("alembic/env.py", "config = context.config\n", "config = context.config\nMINE_1 = 1\n"),
    (
        "{slug}/config.py",
        "    SESSION_COOKIE_SAMESITE",
        "    MINE_2 = 1\n    SESSION_COOKIE_SAMESITE",
    ),
    ("{slug}/database/limits.py", "import os\n", "import os\n\nMINE_3 = 1\n"),
    ("README.md", "## Tests\n", "## Mine\n\nMINE_4\n\n## Tests\n"),
    (
        "pyproject.toml",
        '    "flask-wtf>=1.3",\n',
        '    "flask-wtf>=1.3",\n    "blinker",  # MINE_5\n',
    ),
    ("{slug}/views/home.py", "\n\n@", "\n\nMINE_6 = 1\n\n\n@"),
]
# Files of the user's own, some in folders that have moved since.
OWN = [
    "{slug}/database/own.py",
    "{slug}/revisions/own.py",
    "{slug}/models/own.py",
    "notes/own.py",
]


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Git]:
    """Makes a repository of this template: a release, and then what is in this folder."""
    made: dict[str, Git] = {}

    def make(release: str) -> Git:
        if release not in made:
            known = subprocess.run(
                ["git", "cat-file", "-e", f"{release}^{{commit}}"], cwd=REPOSITORY, check=False
            )
            if known.returncode:
                message = f"{release} is not in this clone: git fetch --unshallow"
                if os.environ.get("REQUIRE_DATABASES") == "1":
                    pytest.fail(message)
                pytest.skip(message)
            template = Git(tmp_path_factory.mktemp("releases") / "template")
            fill(template, release)
            template.commit("a release")
            template.ok("git", "tag", "v0.0.1")
            fill(template, WORKING_TREE)
            template.commit("what is in this folder")
            template.ok("git", "tag", "v999.0.0")
            made[release] = template
        return made[release]

    return make


def edited(releases: Callable[[str], Git], release: str, folder: Path, answers: Answers) -> Git:
    """Return a project of a release, with a user's work in it."""
    context = json.dumps({"project_slug": SLUG} | answers)
    template = str(releases(release).path)
    command = ("create", template, "-y", "-c", "v0.0.1", "--extra-context", context)
    Git(folder).cruft(*command)
    project = Git(folder / SLUG)
    project.commit("created")
    for file, old, new in EDITS:
        project.edit(file.format(slug=SLUG), old, new)
    for number, file in enumerate(OWN):
        add(file.format(slug=SLUG), f'"""My own file {number}."""\n')(project)
    project.commit("my work")
    return project


def resolve(project: Git) -> None:
    """Resolve the conflicts in favour of the template; one's own files go where git puts them."""
    stages: dict[str, str] = {}
    for line in project.ok("git", "ls-files", "--unmerged").splitlines():
        said, _, path = line.partition("\t")
        stages[path] = stages.get(path, "") + said[-1]
    for path, found in stages.items():
        if "3" in found:
            project.ok("git", "checkout", "--theirs", path)
            project.ok("git", "add", path)
        else:
            project.ok("git", *(("rm", "--quiet") if "1" in found else ("add",)), path)


def update_edited(project: Git) -> None:
    """Update a project with a user's work, resolve what is in conflict, and lose nothing."""
    mine = [f"MINE_{number}" for number in range(1, len(EDITS) + 1)]
    mine += [f"My own file {number}." for number in range(len(OWN))]
    end = update(project)
    unmerged = {
        line.partition("\t")[2] for line in project.ok("git", "ls-files", "-u").splitlines()
    }
    assert end.returncode == bool(unmerged), end.stdout + end.stderr
    for path in unmerged:
        assert path in end.stdout
    work = "\n".join(content.decode() for content in contents(project.path).values())
    assert [text for text in mine if text not in work] == []
    resolve(project)


def without_edits(project: Git) -> None:
    """Take the user's work out again."""
    for path in sorted(project.path.rglob("*")):
        if not path.is_file() or ".git" in path.parts:
            continue
        if path.name == "own.py":
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
            continue
        text = path.read_bytes().decode()
        for _, old, new in EDITS:
            text = text.replace(new, old)
        path.write_bytes(text.encode())


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("combination", PAIRWISE, ids=name)
def test_from_a_release_to_this_one_loses_nothing(
    release: str, combination: Answers, releases: Callable[[str], Git], bake: Any, tmp_path: Path
) -> None:
    project = edited(releases, release, tmp_path, combination)
    update_edited(project)
    without_edits(project)
    questions = json.loads((REPOSITORY / "cookiecutter.json").read_text(encoding="utf-8"))
    expected = bake(**questions.get("_defaults_for_updates", {}), **combination)
    assert same_files(project.path, expected.path)


@pytest.mark.weekly
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("combination", COMBINATIONS, ids=name)
def test_an_updated_projects_own_tests_pass(
    release: str,
    combination: Answers,
    releases: Callable[[str], Git],
    project_bin: Path,
    tmp_path: Path,
) -> None:
    git = edited(releases, release, tmp_path, combination)
    update_edited(git)
    git.commit("updated")
    with new_database(combination["database"], tmp_path) as url:
        project = Project(git.path, combination | {"project_slug": SLUG}, project_bin, url)
        if combination["database"] != "sqlite":
            project.environment["TEST_DATABASE_URL"] = url
        project.ok("alembic", "upgrade", "head")
        project.ok("alembic", "check")
        assert " passed" in project.ok("pytest")
    assert "Nothing to do" in updated(git)


# Linking a project that cookiecutter made


def unlinked(project: Git) -> None:
    """Make the project one of plain cookiecutter's."""
    (project.path / ".cruft.json").unlink()
    project.commit("made with cookiecutter")


def test_the_nearest_release_is_found(project: Git, small_template: Git) -> None:
    answers = ("--answer", "colour=blue", "--answer", "loud=yes", "--answer", "project_name=X")
    updated(project, "--checkout", "v0.2.0", *answers)
    expected = state(project)
    add("own.py", lines("own"))(project)
    edit("helper.py", 3)(project)
    project.commit("my work")
    unlinked(project)
    shown = updated(project, "--link", str(small_template.path))
    assert state(project) | {"directory": None} == expected | {"directory": None}
    assert "helper.py" in shown
    assert "own.py" not in shown
    assert "The nearest release is v0.2.0" in shown
    assert project.ok("git", "status", "--short") == "?? .cruft.json\n"
    assert "git add .cruft.json" in refused(project)
    project.commit("linked")
    updated(project, "--checkout", "next")


def test_linking_with_what_is_known(project: Git, small_template: Git) -> None:
    unlinked(project)
    known = ("--checkout", "v0.2.0", "--answer", "colour=blue", "--answer", "project_name=X")
    updated(project, "--link", str(small_template.path), *known)
    assert state(project)["checkout"] == "v0.2.0"
    answers = state(project)["context"]["cookiecutter"]
    assert (answers["colour"], answers["project_name"]) == ("blue", "X")


# The workflow

GH = """#!/bin/sh
echo "$@" >> "$CALLS"
[ "$1 $2" != "pr create" ] || [ -z "$NO_PULL_REQUESTS" ]
"""


class Hub:
    """A project with its remote, and the workflow's jobs on it."""

    def __init__(self, project: Git, tmp_path: Path) -> None:
        self.remote = Git(tmp_path / "remote.git")
        project.ok("git", "clone", "--quiet", "--bare", str(project.path), str(self.remote.path))
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "gh").write_text(GH)
        (programs / "gh").chmod(0o755)
        # `uv run` has nothing to prepare: this environment has cookiecutter.
        (tmp_path / "uv.sh").write_text(f'uv() {{ "{sys.executable}" "{SCRIPT}"; }}\n')
        path = REPOSITORY / ROOT / ".github" / "workflows" / "template-update.yml"
        self.jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        self.folder = tmp_path
        self.calls = tmp_path / "calls"
        self.variables = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "BASH_ENV": str(tmp_path / "uv.sh"),
            "CALLS": str(self.calls),
            "RUNNER_TEMP": str(tmp_path / "runner"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }

    def job(self, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a job's last command in a shallow clone, as a runner does."""
        clone = Git(self.folder / f"job-{name}")
        shutil.rmtree(clone.path, ignore_errors=True)
        address = f"file://{self.remote.path}"
        self.remote.ok("git", "clone", "--quiet", "--depth=1", address, str(clone.path))
        command = [step["run"] for step in self.jobs[name]["steps"] if "run" in step][-1]
        return clone.run("bash", "-e", "-c", command, **self.variables, **variables)

    def run(self, **variables: str) -> str:
        """Run both jobs, and return what gh was called with."""
        for folder in ("runner", "output"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)
        (self.folder / "runner").mkdir()
        (self.folder / "output").write_text("")
        self.calls.write_text("")
        end = self.job("update")
        assert end.returncode == 0, end.stdout + end.stderr
        lines = (self.folder / "output").read_text().splitlines()
        outputs = dict(line.split("=") for line in lines)
        if "release" in outputs:
            (self.folder / "job-update").rename(self.folder / "gone")
            shutil.rmtree(self.folder / "gone")
            given = {"RELEASE": outputs["release"], "CONFLICT": outputs["conflict"]}
            end = self.job("propose", **given, **variables)
            assert end.returncode == 0, end.stdout + end.stderr
        return self.calls.read_text()


def test_the_workflow_proposes_a_clean_update(project: Git, tmp_path: Path) -> None:
    add("own.py", lines("own"))(project)
    project.commit("my work")
    hub = Hub(project, tmp_path)
    calls = hub.run()
    assert "pr create --head template-v0.10.0 --title Update to v0.10.0 of the template" in calls
    assert "--draft" not in calls
    assert "issue" not in calls
    assert "## By hand" in (tmp_path / "runner" / "proposal" / "body.md").read_text()
    project.ok("git", "pull", "--quiet", str(hub.remote.path), "template-v0.10.0")
    assert (project.path / "new.py").exists()
    # What is on the branch since then stays: a second run pushes nothing.
    edit("own.py", 3)(project)
    mine = project.commit("my work on it")
    project.ok("git", "push", "--quiet", str(hub.remote.path), "HEAD:template-v0.10.0")
    assert "create" not in hub.run()
    assert hub.remote.ok("git", "rev-parse", "template-v0.10.0").strip() == mine
    # And there is nothing to propose once it is merged.
    project.ok("git", "push", "--quiet", str(hub.remote.path), "HEAD:main")
    assert hub.run() == ""


def test_the_workflow_shows_conflicts_in_a_draft(project: Git, tmp_path: Path) -> None:
    edit("settings.py", 10)(project)
    edit("removed.py", 3)(project)
    project.commit("my work")
    hub = Hub(project, tmp_path)
    calls = hub.run()
    assert "--draft --label template-conflict" in calls
    body = (tmp_path / "runner" / "proposal" / "body.md").read_text()
    assert "CONFLICT (content): Merge conflict in settings.py" in body
    assert "CONFLICT (modify/delete): removed.py" in body
    project.ok("git", "pull", "--quiet", str(hub.remote.path), "template-v0.10.0")
    assert "<<<<<<< " in (project.path / "settings.py").read_text()
    # ci.yml does not let it be merged like that.
    path = REPOSITORY / ROOT / ".github" / "workflows" / "ci.yml"
    [command] = re.findall(r'name: No conflict.*\n +run: "(.*)"', path.read_text(encoding="utf-8"))
    assert project.run("bash", "-e", "-c", command).returncode != 0
    project.ok("git", "checkout", "HEAD^", "settings.py")
    assert project.run("bash", "-e", "-c", command).returncode == 0


def test_the_workflow_opens_an_issue_where_it_may_not_propose(project: Git, tmp_path: Path) -> None:
    hub = Hub(project, tmp_path)
    calls = hub.run(NO_PULL_REQUESTS="1")
    assert "issue create" in calls
    assert "branch template-v0.10.0" in calls
    assert hub.remote.run("git", "rev-parse", "template-v0.10.0").returncode == 0


def test_the_workflow_fails_when_the_update_is_refused(project: Git, tmp_path: Path) -> None:
    recorded(template="/nowhere/template")(project)
    project.commit("no template")
    hub = Hub(project, tmp_path)
    (tmp_path / "runner").mkdir()
    end = hub.job("update")
    assert end.returncode == 2
    assert "/nowhere/template" in end.stderr
    assert not (tmp_path / "output").exists()


def test_only_the_job_that_runs_nothing_of_the_template_may_write() -> None:
    path = REPOSITORY / ROOT / ".github" / "workflows" / "template-update.yml"
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    assert jobs["update"]["permissions"] == {"contents": "read"}
    assert "update_template.py" not in str(jobs["propose"])
    assert "TOKEN" not in str(jobs["update"])


def test_the_guide_leads_out_of_every_conflict(project: Git) -> None:
    edit("settings.py", 10)(project)
    edit("removed.py", 3)(project)
    add("machinery/own.py", lines("own"))(project)
    add("new.py", "mine_new = 1\n")(project)
    project.commit("my work")
    assert update(project).returncode == 1
    status = project.ok("git", "status")
    guide = (REPOSITORY / "docs" / "updating.md").read_text(encoding="utf-8")
    for kind in ("both modified", "deleted by them", "added by us", "both added"):
        assert f"{kind}:" in status
        assert f"**{kind}**" in guide
    for command in ("checkout --theirs settings.py", "checkout --ours new.py", "rm removed.py"):
        name = command.split()[-1]
        assert f"git {command.replace(name, 'FILE')}" in guide
        project.ok("git", *command.split())
    project.ok("git", "add", "settings.py", "new.py", "engine/own.py")
    project.ok("git", "mv", "engine/own.py", "own.py")
    project.ok("git", "commit", "--quiet", "--no-edit")
    assert project.ok("git", "status", "--short") == ""
    assert "own_1 = 1" in (project.path / "own.py").read_text()


def test_it_is_run_from_the_templates_address(project: Git) -> None:
    """As CHANGELOG.md says for a project that has no script yet."""
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    [path] = set(re.findall(r"uv run https://raw\.[^/]+/ORG/[^/]+/v[\d.]+(/\S+)", text))
    assert path in (REPOSITORY / "docs" / "updating.md").read_text(encoding="utf-8")
    handler = partial(SimpleHTTPRequestHandler, directory=str(REPOSITORY))
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert uv is not None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}{path}"
            versions = str(REPOSITORY / "constraints.txt")
            end = project.run(uv, "run", address, UV_CONSTRAINT=versions)
        finally:
            server.shutdown()
    assert end.returncode == 0, end.stderr
    assert (project.path / "new.py").exists()
