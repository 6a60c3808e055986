"""Generating a project with the default answers, by `cookiecutter --no-input`.

The peer is a template with the same files, each of them rendered, the same questions and two
hooks that are empty.

It runs fewer instructions than the peer (callgrind: 1,602 against 1,612 million with all processes),
but spends 40 ms more in the operating system. Measured with the template changed: without the overlays
of the choices that are not taken, 26 files that are written and removed again, the ratio is 0.05 lower;
with the package copied as one folder, another 0.05. The first would take conditional names of files,
the second loses what a user has added when cookiecutter generates over an existing project: it removes
a folder before it copies it whole. Upstream would have to copy into the folder instead, and to leave out
a folder whose name renders to nothing, as it leaves out such a file.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.projects import REPOSITORY, Project

from ..lines import Line
from ..measuring import Side, command, in_turn
from ..workshop import Workshop

SLUG = "{{cookiecutter.project_slug}}"


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield one line."""
    folder = workshop.new_folder()
    project = Project(folder, {}, Path(sys.executable).parent)

    def generate(template: Path) -> Side:
        words = ("cookiecutter", str(template), "--no-input", "--default-config")
        made = folder / "my_flask_app"
        return Side(
            str(template),
            command(project, *words, before=lambda: shutil.rmtree(made, ignore_errors=True)),
        )

    ours = generate(REPOSITORY)
    ours.run()
    peer = generate(peer_template(folder / "my_flask_app", workshop.new_folder()))
    runs = in_turn([ours, peer], workshop.rounds * 6)
    yield Line.of(
        "generation with the default answers",
        runs[ours.name],
        "as many rendered files, empty hooks",
        runs[peer.name],
        1.0,
    )


def peer_template(project: Path, folder: Path) -> Path:
    """Write a template into `folder` that gives the files of `project`, and return it."""
    for path in project.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if any(mark in text for mark in ("{{", "{%", "{#")):
                text = f"{{% raw %}}{text}{{% endraw %}}"
            parts = path.relative_to(project).parts
            target = folder.joinpath(SLUG, *(SLUG if p == project.name else p for p in parts))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    answers = json.loads((REPOSITORY / "cookiecutter.json").read_text(encoding="utf-8"))
    questions = {name: value for name, value in answers.items() if not name.startswith("_")}
    (folder / "cookiecutter.json").write_text(json.dumps(questions), encoding="utf-8")
    (folder / "hooks").mkdir()
    for hook in ("pre_gen_project.py", "post_gen_project.py"):
        (folder / "hooks" / hook).touch()
    return folder
