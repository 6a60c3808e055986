"""A release: the image and a container's life, and a rolling deploy under load.

The image stands on Debian with Python, made by debootstrap, so its base is larger than that of the official
slim image. `docker image ls` would print the same size. Migrations, wait and doctor run in containers with a
read-only root, no capabilities and no user name; most of a step's second is podman starting. The rolling
deploy has two releases on PostgreSQL behind one socket, and a migration that alters the table that five
clients read and write. It fails if one request fails.
"""

from collections.abc import Iterator

from tests.images import live, opened
from tests.projects import DATABASES, REPOSITORY
from tests.releases import next_release, take_over

from ..lines import Line
from ..workshop import Workshop

REQUESTS = 6000


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield two lines for each database, and one for the rolling deploy."""
    with opened(REPOSITORY / ".benchmarks" / "images") as images:
        for database in DATABASES:
            life = live(workshop.ours(database), images)
            size = {"MB": life.megabytes, "layers": float(life.layers)}
            yield Line.of(f"the image, {database}", [size])
            steps = {f"s {step}": seconds for step, seconds in life.seconds.items()}
            yield Line.of(f"the life of a container, {database}", [steps])
    old = workshop.ours("postgresql")
    old.ok("alembic", "upgrade", "head")
    new = next_release(old, workshop.new_folder())
    load = take_over(old, new, REQUESTS)
    assert load.failed == []
    counts = {"requests": float(load.total), "failed": float(len(load.failed))}
    yield Line.of("rolling deploy with a migration", [counts])
