"""A command on a database that is up to date: SQLite, one revision, one model or 500.

Every project has the same models and revision. Flask-Migrate's, Flask-Alembic's and
advanced-alchemy's apps are as small as their documentation has them; this template's flask-config
app has its pages, forms and error pages. With env-var, neither command imports the models, nor
SQLAlchemy's ORM with them: 1,618 million instructions (callgrind), Alembic's generic template 1,806.

With flask-config, `alembic current` runs 2,194 million instructions, Flask-Migrate 2,109: 1.04. `upgrade`
runs 2,192 and 2,107: 1.04 too; a larger ratio of CPU times comes from a busy machine. Importing Alembic,
Flask and Flask-SQLAlchemy is nearly all of both. The rest of ours: pages and their blueprints 54,
Flask-WTF 43, migrator/ 39, config.py and the URL 36, create_app, logs and headers 24. Upstream,
Flask-WTF would have to import its forms, and its reCAPTCHA with urllib.request, when they are asked
for. The migrations could do without the pages, but not without an app that is the one which serves.
"""

from collections.abc import Iterator

from tests.projects import SLUG, Project

from ..lines import Line
from ..measuring import Side, command, in_turn
from ..schemas import models
from ..workshop import Workshop

GENERIC, MIGRATE = "Alembic's generic template", "Flask-Migrate"
OURS = {"env-var": 0.92, "flask-config": 1.30}
MANY = 500


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
    yield from _many_models(workshop, ours["env-var"], generic)


def _many_models(workshop: Workshop, ours: Project, generic: Project) -> Iterator[Line]:
    things = ours.package / "models" / "things.py"
    things.write_text(models(MANY, f"{SLUG}.database"), encoding="utf-8")
    workshop.add_models(generic, models(MANY, "models"))
    for words in (("current",), ("upgrade", "head")):
        runs = in_turn(
            [
                Side("ours", command(ours, "alembic", *words)),
                Side(GENERIC, command(generic, "alembic", *words)),
            ],
            workshop.rounds,
        )
        what = f"`alembic {' '.join(words)}` at head, env-var, {MANY} models"
        yield Line.of(what, runs["ours"], GENERIC, runs[GENERIC], 0.40)
