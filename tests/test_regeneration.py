"""Creating and updating with cruft, on real git repositories."""

import filecmp
import json
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from .projects import DATABASES, EXAMPLES, REPOSITORY, SLUG, STRATEGIES, Project
from .repositories import Git
from .servers import new_database
from .test_first_steps import AUTHOR

COMBINATIONS = [
    {"database": database, "url_strategy": strategy, "example": example}
    for database, strategy, example in product(DATABASES, STRATEGIES, EXAMPLES)
]
# Every two values of two answers are together in one of them.
PAIRWISE = [
    {"database": database, "url_strategy": strategy, "example": example}
    for database, strategy, example in [
        ("sqlite", "flask-config", True),
        ("sqlite", "env-var", False),
        ("postgresql", "flask-config", False),
        ("postgresql", "env-var", True),
        ("mysql", "flask-config", True),
        ("mysql", "env-var", False),
    ]
]
WEEKLY = [pytest.param(c, marks=pytest.mark.weekly) for c in COMBINATIONS if c not in PAIRWISE]


def name(answers: dict[str, Any]) -> str:
    """A combination of answers as the id of a test."""
    return "-".join(str(value) for value in answers.values())


def working_tree() -> list[str]:
    """The files of this repository as git sees them, uncommitted ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [file for file in listed.split("\0") if file and (REPOSITORY / file).exists()]


@pytest.fixture
def template(tmp_path: Path) -> Git:
    """This template, in a git repository of its own with one commit."""
    git = Git(tmp_path / "template")
    fill(git, WORKING_TREE)
    git.commit("the template")
    return git


WORKING_TREE = "the working tree"


def fill(template: Git, release: str) -> None:
    """Give a template's folder the files of `release`, a commit, and no other."""
    template.path.mkdir(exist_ok=True)
    for path in template.path.iterdir():
        if path.is_dir() and path.name != ".git":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    if release == WORKING_TREE:
        for file in working_tree():
            (template.path / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / file, template.path / file)
    else:
        subprocess.run(
            f'git archive "{release}" | tar --extract --directory "{template.path}"',
            shell=True,
            cwd=REPOSITORY,
            check=True,
        )


def create(template: str, folder: Path, **answers: Any) -> Git:
    """Create a project with cruft in `folder` and commit it."""
    folder.mkdir(exist_ok=True)
    context = json.dumps({"project_slug": SLUG} | answers)
    arguments = ("create", template, "--no-input", "-d", "--extra-context", context)
    Git(folder).cruft(*arguments)
    project = Git(folder / SLUG)
    project.commit("created")
    return project


def same_files(one: Path, other: Path, *but: str) -> bool:
    """Whether two folders have the same files with the same contents."""
    ignored = [".git", ".cruft.json", "__pycache__", *but]
    compared = [filecmp.dircmp(one, other, ignore=ignored, hide=[])]
    for pair in compared:
        if pair.left_only or pair.right_only or pair.funny_files:
            return False
        if filecmp.cmpfiles(pair.left, pair.right, pair.common_files, shallow=False)[1:] != (
            [],
            [],
        ):
            return False
        compared.extend(pair.subdirs.values())
    return True


@pytest.mark.parametrize("combination", [*PAIRWISE, *WEEKLY], ids=name)
def test_it_is_clean_after_create_and_in_a_fresh_clone(
    combination: dict[str, Any], template: Git, tmp_path: Path
) -> None:
    project = create(f"file://{template.path}", tmp_path / "a", **combination)
    # Nothing is left out of the commit: what is true of the clone is true of the project.
    assert project.ok("git", "status", "--short", "--ignored") == ""
    project.ok("git", "clone", "--quiet", str(project.path), str(tmp_path / "clone" / SLUG))
    clone = Git(tmp_path / "clone" / SLUG)
    assert clone.is_clean()
    clone.cruft("update", "-y")
    assert clone.ok("git", "status", "--short") == ""


@pytest.mark.databases("sqlite")
def test_cookiecutter_and_cruft_make_the_same_project(
    answers: dict[str, Any], bake: Any, template: Git, tmp_path: Path
) -> None:
    project = create(str(template.path), tmp_path / "a", **answers)
    assert same_files(project.path, bake(**answers).path)


def test_another_day_gives_the_same_files(template: Git, tmp_path: Path) -> None:
    first = create(str(template.path), tmp_path / "a")
    second = tmp_path / "b"
    second.mkdir()
    context = json.dumps({"project_slug": SLUG})
    end = Git(second).run(
        *(sys.executable, "-m", "cruft", "create", str(template.path), "-y", "-d"),
        *("--extra-context", context),
        TZ="Pacific/Kiritimati",
        PYTHONHASHSEED="7",
        SOURCE_DATE_EPOCH="0",
    )
    assert end.returncode == 0, end.stderr
    assert same_files(first.path, second / SLUG)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"url_strategy": "flask-config"}, {"url_strategy": "env-var"}),
        ({"url_strategy": "env-var"}, {"url_strategy": "flask-config"}),
        ({"database": "sqlite"}, {"database": "postgresql"}),
        ({"database": "postgresql"}, {"database": "mysql"}),
        ({"database": "mysql"}, {"database": "sqlite"}),
        ({"example": True}, {"example": False}),
        ({"example": False}, {"example": True}),
        ({"project_name": "One"}, {"project_name": 'Two "2" \\ 你好'}),
        ({"description": "One"}, {"description": "Two"}),
        ({"author_name": "A"}, {"author_name": "B"}),
        ({"author_email": "a@example.com"}, {"author_email": "b@example.com"}),
    ],
    ids=str,
)
def test_a_switched_answer_gives_the_project_generated_with_it(
    before: dict[str, Any], after: dict[str, Any], bake: Any, template: Git, tmp_path: Path
) -> None:
    project = create(str(template.path), tmp_path / "a", **before)
    # The user's own work: a file, and a line in one that no answer changes.
    own = project.path / SLUG / "models" / "own.py"
    own.write_text('"""Mine."""\n')
    project.edit(f"{SLUG}/views/home.py", '"""The landing page."""', '"""My landing page."""')
    project.commit("my work")
    project.cruft("update", "-y", "--variables-to-update", json.dumps(after))
    assert list(project.path.rglob("*.rej")) == []
    assert own.exists()
    own.unlink()
    project.edit(f"{SLUG}/views/home.py", '"""My landing page."""', '"""The landing page."""')
    expected = bake(**(before | after))
    # Revisions are the project's own: a switch neither adds nor removes one.
    but = ["HEAD", "docs", "versions"] if "example" in after else []
    assert same_files(project.path, expected.path, *but)


USERS_EDITS = [
    ("alembic/env.py", "config = context.config\n", "config = context.config\nMINE = 1\n"),
    (
        "{slug}/config.py",
        '    SESSION_COOKIE_SAMESITE = "Lax"\n',
        '    SESSION_COOKIE_SAMESITE = "Lax"\n    MINE = 1\n',
    ),
    ("README.md", "## Tests\n", "## Mine\n\nA section of my own.\n\n## Tests\n"),
    ("pyproject.toml", '    "flask-wtf>=1.3",\n', '    "flask-wtf>=1.3",\n    "blinker",\n'),
    (
        "{slug}/views/__init__.py",
        '"""The pages: one blueprint a module."""',
        '"""The pages. Mine."""',
    ),
]
MACHINERY = [
    "alembic/env.py",
    "alembic.ini",
    "wsgi.py",
    "gunicorn.conf.py",
    "README.md",
    "pyproject.toml",
    ".gitignore",
    "tests/conftest.py",
]  # and every Python file of the package


def change_template(template: Git) -> None:
    """Change the template as a release does: every machinery file, one added, one removed."""
    inside = template.path / "{{cookiecutter.project_slug}}"
    files = [inside / file for file in MACHINERY]
    files += [path for path in inside.rglob("*.py") if {"database", "migrator"} & {*path.parts}]
    files += list((inside / ".choices").rglob("config.py"))
    for path in {*files}:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n# Changed by a release.\n")
    (inside / "added.txt").write_text("added by a release\n")
    cookiecutter = template.path / "cookiecutter.json"
    answers = json.loads(cookiecutter.read_text())
    cookiecutter.write_text(json.dumps({"a_new_answer": "yes"} | answers))


@pytest.mark.databases("sqlite")
def test_an_update_after_a_users_work_loses_nothing(
    answers: dict[str, Any], template: Git, project_bin: Path, tmp_path: Path
) -> None:
    inside = template.path / "{{cookiecutter.project_slug}}"
    removed = inside / "{{cookiecutter.project_slug}}" / "removed.py"
    removed.write_text('"""To be removed by the next release."""\n')
    template.commit("an older release")
    git = create(str(template.path), tmp_path / "a", **answers)
    with new_database("sqlite", tmp_path) as url:
        project = Project(git.path, answers | {"project_slug": SLUG}, project_bin, url)
        project.ok("alembic", "upgrade", "head")
        project.write_model("author", AUTHOR)
        assert project.autogenerate("add authors")
        project.ok("flask", "db", "diagram")
        for file, old, new in USERS_EDITS:
            git.edit(file.format(slug=SLUG), old, new)
        git.commit("my work")
        revisions = project.revisions()

        fill(template, WORKING_TREE)
        change_template(template)
        template.commit("a release")
        assert git.run(sys.executable, "-m", "cruft", "check").returncode == 1
        git.cruft("update", "-y")

        assert list(git.path.rglob("*.rej")) == []
        assert git.run("git", "grep", "-n", "-E", "^(<<<<<<<|>>>>>>>) ").returncode == 1
        for file, _, new in USERS_EDITS:
            text = (git.path / file.format(slug=SLUG)).read_text(encoding="utf-8")
            assert new in text, file
        for file in MACHINERY:
            assert "# Changed by a release." in (git.path / file).read_text(encoding="utf-8"), file
        assert project.revisions() == revisions
        assert (git.path / "added.txt").exists()
        assert not (git.path / SLUG / "removed.py").exists()
        kept = json.loads((git.path / ".cruft.json").read_text())["context"]["cookiecutter"]
        assert kept["url_strategy"] == answers["url_strategy"]
        assert kept["a_new_answer"] == "yes"

        project.ok("alembic", "upgrade", "head")
        project.ok("alembic", "check")
        assert " passed" in project.ok("pytest")
        git.commit("updated")
        git.cruft("update", "-y")
        assert git.ok("git", "status", "--short") == ""


def test_an_existing_project_can_be_linked(bake: Any, template: Git, tmp_path: Path) -> None:
    shutil.copytree(bake().path, tmp_path / "a" / SLUG)
    project = Git(tmp_path / "a" / SLUG)
    project.commit("made with cookiecutter")
    context = json.dumps({"project_slug": SLUG})
    project.cruft("link", str(template.path), "-y", "-d", "--extra-context", context)
    project.commit("linked")
    assert project.is_clean()
