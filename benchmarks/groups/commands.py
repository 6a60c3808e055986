"""A command on a database that is up to date: SQLite, one model, one revision.

Every project has the same model and revision. Flask-Migrate's, Flask-Alembic's and
advanced-alchemy's apps are as small as their documentation has them; this template's flask-config
app has its pages, forms and error pages. Both run 2,190 and 2,110 million instructions (callgrind), of
which Flask is 280: the difference is Flask-WTF (45), which imports all of its forms and its reCAPTCHA
with urllib.request for the CSRF protection alone, and the pages and modules that an app of one file
does not have (35). Upstream, Flask-WTF would have to import those when they are asked for.
"""

from collections.abc import Iterator

from tests.projects import Project

from ..lines import Line
from ..measuring import Side, command, in_turn
from ..workshop import Workshop

GENERIC, MIGRATE = "Alembic's generic template", "Flask-Migrate"
OURS = {"env-var": 1.10, "flask-config": 1.30}


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield a line for each command, strategy and peer."""
    ours = {strategy: workshop.ours(url_strategy=strategy) for strategy in OURS}
    generic, migrate = workshop.alembic(), workshop.flask_migrate()
    flask_alembic, advanced = workshop.flask_alembic(), workshop.advanced_alchemy()
    for project in ours.values():
        project.ok("alembic", "upgrade", "head")
    generic.ok("alembic", "upgrade", "head")
    for project in (migrate, flask_alembic):
        project.ok("flask", "db", "upgrade")
    advanced.ok("flask", "database", "upgrade", "--no-prompt")

    def side(name: str, project: Project, *words: str) -> Side:
        return Side(name, command(project, *words))

    for words, of_advanced in (
        (("current",), ("show-current-revision",)),
        (("upgrade", "head"), ("upgrade", "--no-prompt")),
    ):
        of_flask = words[:1]
        runs = in_turn(
            [
                *(side(strategy, project, "alembic", *words) for strategy, project in ours.items()),
                side(GENERIC, generic, "alembic", *words),
                side(MIGRATE, migrate, "flask", "db", *of_flask),
                side("Flask-Alembic", flask_alembic, "flask", "db", *of_flask),
                side("advanced-alchemy", advanced, "flask", "database", *of_advanced),
            ],
            workshop.rounds * 3,
        )
        for strategy, target in OURS.items():
            targets = {GENERIC: target, MIGRATE: 1.0 if strategy == "flask-config" else None}
            for peer in (name for name in runs if name not in OURS):
                what = f"`alembic {' '.join(words)}` at head, {strategy}"
                yield Line.of(what, runs[strategy], peer, runs[peer], targets.get(peer))
