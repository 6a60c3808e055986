"""Writes RESULTS.md and its picture from what the groups have measured."""

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from importlib import import_module, metadata
from pathlib import Path

from .lines import Line
from .workshop import ENVIRONMENT, PEER_PACKAGES

FOLDER = Path(__file__).parent
RESULTS, PICTURE, FIGURES = (
    FOLDER / name for name in ("RESULTS.md", "results.svg", "results.json")
)
PACKAGES = (
    *(
        "alembic",
        "flask",
        "flask-sqlalchemy",
        "gunicorn",
        "psycopg",
        "pymysql",
        "pytest",
        "sqlalchemy",
    ),
    *PEER_PACKAGES,
)
HEAD = f"""# Measured speed

Written by `uv run python -m benchmarks`. Each line has this project's figure beside another one, run
in turn (A B A B …) after a round to warm up: medians of the quantities, and the median of the rounds'
ratios of the first one. Packages are compiled to bytecode before.

![The ratios, against their targets]({PICTURE.name})
"""


def store(group: str, lines: Iterable[Line], rounds: int) -> None:
    """Keep what a group has measured in results.json, in place of what it had measured before."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    figures[group] = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "rounds": rounds,
        "lines": [asdict(line) for line in lines],
    }
    # By name; not the quantities of a line, of which the first one is judged.
    figures = dict(sorted(figures.items()))
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Return what the figures were measured on."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = f"{len(names)} x {names[0].partition(': ')[2]}" if names else model
    return f"{model}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def versions() -> str:
    """Return the versions of what is compared."""
    (site_packages,) = ENVIRONMENT.glob("lib/python*/site-packages")
    found = {
        distribution.name.lower().replace("_", "-"): distribution.version
        for distribution in metadata.distributions(path=[str(site_packages)])
    }
    return ", ".join(f"{name} {found[name]}" for name in sorted(PACKAGES))


def write() -> None:
    """Write RESULTS.md and results.svg from results.json."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    parts = [HEAD]
    for group, found in sorted(figures.items()):
        lines = [Line(**line) for line in found["lines"]]
        parts += [
            f"## {group.capitalize()}\n",
            (import_module(f"benchmarks.groups.{group}").__doc__ or "").strip() + "\n",
            table(lines),
            f"{found['date']}, {found['rounds']} rounds; {found['machine']}; {found['versions']}.\n",
        ]
    RESULTS.write_text("\n".join(parts), encoding="utf-8")
    _draw([Line(**line) for found in figures.values() for line in found["lines"]])


def table(lines: Iterable[Line]) -> str:
    """Return `lines` as a table in Markdown."""
    rows = ["| what | ours | against | theirs | ratio | target | |", "|" + " --- |" * 7]
    for line in lines:
        sign = "≥" if line.more_is_better else "≤"
        cells = (
            line.what,
            _written(line.ours),
            line.against,
            _written(line.theirs or {}),
            f"{line.judged:.2f}" if line.theirs else "",
            "" if line.target is None else f"{sign} {line.target:g}",
            "" if line.target is None else ("met" if line.is_met else "**missed**"),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _written(measure: Mapping[str, float]) -> str:
    return ", ".join(
        f"{value:.{2 if value < 10 else 0}f} {unit}" for unit, value in measure.items()
    )


def _draw(lines: list[Line]) -> None:
    """Draw a bar for each line that has a target: how much of it is used up."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    # The same picture for the same figures.
    mpl.rcParams |= {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 8}
    judged = [line for line in lines if line.target is not None][::-1]
    shares = [_share(line) for line in judged]
    labels = [f"{line.what}{f' / {line.against}' if line.against else ''}" for line in judged]
    figure, axes = plt.subplots(figsize=(11, 0.26 * len(judged) + 0.9), layout="constrained")
    colours = ["#2f7d5b" if line.is_met else "#b5482f" for line in judged]
    bars = axes.barh(labels, shares, color=colours, height=0.7)
    axes.bar_label(bars, [f"{line.judged:.2f}" for line in judged], padding=3)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_xlabel("share of the target that is used up (the figure: the ratio or value itself)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.01)
    figure.savefig(PICTURE, metadata={"Date": None})


def _share(line: Line) -> float:
    assert line.target is not None
    return line.target / line.judged if line.more_is_better else line.judged / line.target
