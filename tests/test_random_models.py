"""Random models and changes to them, a few of each database: see tests/random_models."""

from pathlib import Path

import pytest

from .projects import Project
from .random_models.trial import report, trials

# How many pairs, and a seed of which none is refused.
PAIRS = {"sqlite": (12, 14), "postgresql": (8, 20262755), "mysql": (8, 14)}
PATIENCE = 20


@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
@pytest.mark.deploy("none")
def test_random_models_go_to_the_database_and_back(generated: Project, tmp_path: Path) -> None:
    count, seed = PAIRS[generated.database]
    with trials(generated, tmp_path) as trial:
        counts, text = report(trial, count, seed, PATIENCE)
    assert counts["clean"] == count, text
