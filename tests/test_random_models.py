"""Random models and changes to them, a few of each database: see tests/random_models."""

from pathlib import Path

import pytest

from .projects import Project
from .random_models.trial import report, trials

EXAMPLES, SEED, PATIENCE = 12, 14, 20


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
@pytest.mark.deploy("none")
def test_random_models_go_to_the_database_and_back(generated: Project, tmp_path: Path) -> None:
    with trials(generated, tmp_path) as trial:
        counts, text = report(trial, EXAMPLES, SEED, PATIENCE)
    assert counts["clean"] == EXAMPLES, text
