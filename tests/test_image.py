"""The image, built and run for real. `-n0 -s` shows what was measured."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .images import Images, live, opened
from .projects import Project


@pytest.fixture(scope="module")
def images(pytestconfig: pytest.Config) -> Iterator[Images]:
    """The store, with the base image in it, which stays in pytest's cache."""
    if os.geteuid() != 0:
        pytest.skip("images are built as root; the weekly workflow does")
    with opened(Path(str(pytestconfig.cache.mkdir("images")))) as store:  # type: ignore[union-attr]
        yield store


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_life_of_a_container(project: Project, images: Images) -> None:
    print(live(project, images))


@pytest.mark.weekly
@pytest.mark.databases("postgresql", "mysql")
def test_the_life_of_a_container_with_a_server(project: Project, images: Images) -> None:
    print(live(project, images))
