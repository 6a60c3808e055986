"""`--sql`: only SQL, in the right dialect, without a connection, and to the same effect."""

import pytest

from .projects import Project
from .servers import feed, new_database

NOWHERE = {
    "postgresql": "postgresql://user:s3cr3t@127.0.0.1:1/db",
    "mysql": "mysql://user:s3cr3t@127.0.0.1:1/db",
    "sqlite": "sqlite:////no/such/folder/db.sqlite3",
}
SCHEMA = {
    "sqlite": 'SELECT m.type, m.name, p.name, p.type, p.dflt_value, p."notnull"'
    " FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) p ORDER BY m.name, p.name",
    "postgresql": "SELECT table_name, column_name, data_type, column_default, is_nullable"
    " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
    "mysql": "SELECT table_name, column_name, column_type, column_default, is_nullable"
    " FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 2",
}
EVERYTHING = """
op.create_table(
    "item",
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("state", sa.String(20), server_default="100% 'new'", nullable=False),
    sa.Column("made", sa.DateTime, server_default=sa.func.now()),
)
op.create_index("ix_item_state", "item", ["state"])
item = sa.table("item", sa.column("id", sa.Integer), sa.column("state", sa.String))
op.bulk_insert(item, [{"id": 1, "state": "50% 'off' %(x)s"}, {"id": 2, "state": "ü:colon"}])
op.execute(item.update().where(item.c.id == 2).values(state="a%b"))
op.execute("INSERT INTO note (text) VALUES ('100%')")
"""


def test_its_sql_gives_what_an_upgrade_gives(project: Project) -> None:
    project.write_revision("r1", EVERYTHING, 'op.drop_table("item")', "a1c0de000001")
    nowhere = {project.url_variable(): NOWHERE[project.database]}
    sql = project.ok("alembic", "upgrade", "head", "--sql", **nowhere)
    assert project.ok("flask", "db", "upgrade", "--sql", **nowhere) == sql
    assert "s3cr3t" not in sql
    project.ok("alembic", "upgrade", "head")
    folder = project.path.parent / "offline"
    folder.mkdir()
    with new_database(project.database, folder) as url:
        feed(project.database, url, sql)
        offline = Project(project.path, project.answers, project.bin, url)
        for statement in (
            SCHEMA[project.database],
            "SELECT id, state FROM item ORDER BY id",
            "SELECT text FROM note",
            "SELECT version_num FROM alembic_version",
        ):
            assert offline.sql(statement) == project.sql(statement), statement
        assert ("50% 'off' %(x)s",) in offline.sql("SELECT state FROM item")
        offline.ok("alembic", "upgrade", "head")
        down = project.ok("alembic", "downgrade", "r1:base", "--sql", **nowhere)
        feed(project.database, url, down)
        assert offline.tables() == {"alembic_version"}


@pytest.mark.databases("postgresql", "mysql")
def test_its_sql_does_not_queue_either(project: Project) -> None:
    sql = project.ok("alembic", "upgrade", "head", "--sql", MIGRATION_LOCK_TIMEOUT="7")
    words = {
        "postgresql": ["SET lock_timeout = 7000"],
        "mysql": ["lock_wait_timeout = 7", "innodb_lock_wait_timeout = 7"],
    }
    for word in words[project.database]:
        assert word in sql


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_its_sql_gives_a_concurrent_index_all_the_time_it_needs(project: Project) -> None:
    project.write_revision(
        "r1",
        "with op.get_context().autocommit_block():\n"
        '    op.create_index("ix", "note", ["text"], postgresql_concurrently=True)',
        down_revision="a1c0de000001",
    )
    sql = project.ok("alembic", "upgrade", "head", "--sql")
    before, index, after = sql.partition("CREATE INDEX CONCURRENTLY ix ON note (text);")
    assert index
    assert before.rstrip().endswith("SET lock_timeout = 0;")
    assert after.lstrip().startswith("SET lock_timeout = 5000;")


@pytest.mark.strategies("env-var")
def test_a_revision_that_is_not_there_is_named_in_a_line(project: Project) -> None:
    assert "nosuch" in project.refused("alembic", "upgrade", "nosuch", "--sql")
    project.write_revision("r1", "pass")
    assert "Multiple head revisions" in project.refused("alembic", "upgrade", "head", "--sql")
