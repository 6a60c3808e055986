"""What is refused, because it would delete or would silently leave something out."""

import pytest

from .projects import Project


@pytest.mark.usefixtures("at_head")
def test_a_downgrade_needs_to_be_meant(project: Project) -> None:
    environment = {"flask-config": "staging", "env-var": "production"}[project.strategy]
    variables = {project.url_variable(environment): project.url, "ENVIRONMENT": environment}
    for command in (("alembic", "downgrade", "base"), ("flask", "db", "downgrade")):
        assert "ALLOW_DOWNGRADE=1" in project.refused(*command, **variables)
        assert "note" in project.tables()
    called = (
        "from alembic import command; from alembic.config import Config;"
        "command.downgrade(Config('alembic.ini'), 'base')"
    )
    assert "ALLOW_DOWNGRADE=1" in project.run("python", "-c", called, **variables).stderr
    assert "note" in project.tables()
    project.ok("flask", "db", "downgrade", ALLOW_DOWNGRADE="1", **variables)
    assert "note" not in project.tables()


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
def test_development_goes_down_freely(project: Project) -> None:
    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("base", ["Base", "db.Model"])
def test_a_model_with_a_bind_key_is_refused(project: Project, base: str) -> None:
    project.write_model(
        "audit",
        "from ..extensions import db\n\n\n"
        f"class Audit({base}):\n"
        '    __bind_key__ = "audit"\n    __tablename__ = "audit"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n",
    )
    binds = {"FLASK_SQLALCHEMY_BINDS": '{"audit": "sqlite:////tmp/never.sqlite3"}'}
    for command in (("alembic", "check"), ("flask", "db", "check")):
        output = project.refused(*command, **binds)
        assert "audit.Audit has a bind key" in output


@pytest.mark.databases("sqlite")
def test_a_table_with_a_bind_key_is_refused(project: Project) -> None:
    project.write_model(
        "audit",
        "from ..extensions import db\n\n\n"
        'audit = db.Table("audit", sa.Column("id", sa.Integer), bind_key="other")\n',
    )
    for command in (("alembic", "revision", "--autogenerate"), ("alembic", "check")):
        assert "audit has a bind key" in project.refused(*command)


@pytest.mark.usefixtures("at_head")
def test_a_full_database_without_models_is_not_emptied(project: Project) -> None:
    for name in ("models/note.py", "views/notes.py"):
        (project.package / name).unlink()
    views = project.package / "views" / "__init__.py"
    text = views.read_text().replace(", notes.blueprint", "").replace(", notes", "")
    views.write_text(text.replace(', "Notes": "notes.index"', ""))
    for command in (("revision", "--autogenerate", "-m", "x"), ("check",)):
        assert "No model was found" in project.refused("alembic", *command)
    assert len(project.revisions()) == 1


def test_a_database_behind_head_is_refused_in_a_line(project: Project) -> None:
    output = project.refused("alembic", "revision", "--autogenerate", "-m", "x")
    assert "Target database is not up to date" in output
    assert len(project.revisions()) == 1


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("protected", [True, False])
def test_rebuilding_a_parent_keeps_its_children(project: Project, protected: bool) -> None:
    # The way that applications switch foreign keys on: for every connection there is.
    project.write_model(
        "keys",
        "@sa.event.listens_for(sa.Engine, 'connect')\n"
        "def switch_on(connection, record):\n"
        "    connection.execute('PRAGMA foreign_keys = ON')\n",
    )
    project.write_revision(
        "r1",
        """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer))
op.create_table(
    "child",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE"), nullable=False),
)
op.execute("INSERT INTO parent (id, a) VALUES (1, 1), (2, 2)")
op.execute("INSERT INTO child (id, parent_id) VALUES (10, 1), (20, 2)")
""",
        down_revision="a1c0de000001",
    )
    project.ok("alembic", "upgrade", "r1")
    project.write_revision(
        "r2",
        """
with op.batch_alter_table("parent") as batch:
    batch.alter_column("a", existing_type=sa.Integer, type_=sa.String(10))
""",
        down_revision="r1",
    )
    protections = {
        "lock.py": 'connection.exec_driver_sql("PRAGMA foreign_keys = OFF")',
        # The second one, for connections that a program hands over.
        "implementation.py": "refuse_if_referred_to(self._online, table.name)",
    }
    for name, protection in protections.items():
        file = project.migrator / "dialect" / name
        assert file.read_text().count(protection) == 1
        if not protected:
            file.write_text(file.read_text().replace(protection, "pass"))
    project.run("alembic", "upgrade", "head")
    children = project.sql("SELECT id FROM child ORDER BY id")
    assert children == ([(10,), (20,)] if protected else [])


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_a_rebuilt_table_keeps_what_is_not_reflected(project: Project) -> None:
    before = project.write_revision(
        "r1",
        """
op.create_table(
    "log", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String(9)),
    sqlite_autoincrement=True,
)
op.execute("CREATE TRIGGER t AFTER INSERT ON log BEGIN INSERT INTO note (text) VALUES ('t'); END")
op.execute("CREATE UNIQUE INDEX lower_a ON log (lower(a))")
op.execute("CREATE VIEW v AS SELECT a FROM log")
op.execute("INSERT INTO log (a) VALUES ('x'), ('y')")
op.execute("DELETE FROM log WHERE a = 'y'")
""",
        down_revision="a1c0de000001",
    )
    assert before.exists()
    project.ok("alembic", "upgrade", "head")
    project.write_revision(
        "r2",
        'with op.batch_alter_table("log") as batch:\n    batch.alter_column("a", type_=sa.Text)',
        down_revision="r1",
    )
    project.ok("alembic", "upgrade", "head")
    [(last,)] = project.sql("INSERT INTO log (a) VALUES ('z') RETURNING id")
    assert last == 3
    assert len(project.sql("SELECT * FROM note")) == 3
    assert project.sql("SELECT name FROM sqlite_master WHERE name = 'lower_a'")
    assert project.sql("SELECT a FROM v ORDER BY a") == [("x",), ("z",)]
