"""Updates this project to the newest release of its template, as template-update.yml does.

By hand: uv run --no-project --with "cruft==2.16.*" --with "typer<0.26" .github/update_template.py
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

RELEASE = re.compile(r"refs/tags/(v(\d+)\.(\d+)\.(\d+))$", re.MULTILINE)
MARKER = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)


def output_of(*command: str) -> str:
    """Return what `command` prints; its failure ends this script."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def newest_release(template: str) -> tuple[str, str] | None:
    """Return the tag with the highest version at the git URL `template`, and its commit."""
    releases = {}
    # An annotated tag is listed twice; the line with ^{}, which comes second, has the commit.
    for line in output_of("git", "ls-remote", "--tags", template, "v*").splitlines():
        commit, _, name = line.partition("\t")
        if match := RELEASE.search(name.removesuffix("^{}")):
            releases[tuple(map(int, match.groups()[1:]))] = (match[1], commit)
    return releases[max(releases)] if releases else None


def conflicts() -> list[str]:
    """Return the files in which the update met the project's own changes.

    cruft says "Good work!" and exits 0 over them: a part that does not apply is in a .rej
    file, or between conflict markers.
    """
    changed = output_of("git", "ls-files", "--modified", "--others", "--exclude-standard", "-z")
    staged = output_of("git", "diff", "--cached", "--name-only", "-z")
    paths = {Path(name) for name in (changed + staged).split("\0") if name}
    return sorted(
        str(path)
        for path in paths
        if path.suffix == ".rej" or (path.is_file() and MARKER.search(path.read_bytes()))
    )


def main() -> None:
    """Update the working tree; exit 1, with the files named, when there are conflicts."""
    if not Path(".cruft.json").exists():
        sys.exit("There is no .cruft.json here: run `cruft link` with the template's URL first.")
    cruft = json.loads(Path(".cruft.json").read_text(encoding="utf-8"))
    release = newest_release(cruft["template"])
    if release is None:
        print("The template has no release yet.")
        return
    tag, commit = release
    if cruft["commit"] == commit:
        print(f"This project is at {tag}, the newest release.")
        return
    command = [sys.executable, "-m", "cruft", "update", "-y", "--not-strict", "-c", tag]
    subprocess.run(command, check=True)
    if found := conflicts():
        sys.exit(f"The update to {tag} needs a person; see {', '.join(found)}.")
    print(f"Updated to {tag}.")
    if path := os.environ.get("GITHUB_OUTPUT"):
        with open(path, "a", encoding="utf-8") as file:
            print(f"release={tag}", file=file)


if __name__ == "__main__":
    main()
