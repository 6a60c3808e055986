"""Alembic called from a program: its connection, its transaction, its logging."""

import pytest

from .projects import Project

PREAMBLE = """
import logging, sys
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from migrator.url import parse_url

config = Config("alembic.ini")
def engine(url):
    return sa.create_engine(parse_url(url, "the test"))
"""


def test_a_given_connection_is_used_and_its_transaction_is_the_callers(project: Project) -> None:
    # No URL is needed, and a wrong one is not looked at.
    url, project.url = project.url, "nonsense"
    project.python(f"""{PREAMBLE}
with engine({url!r}).connect() as connection:
    config.attributes["connection"] = connection
    with connection.begin() as transaction:
        command.upgrade(config, "head")
        assert connection.in_transaction()
        assert sa.inspect(connection).has_table("note")
        transaction.rollback()
    assert not connection.closed
""")
    project.url = url
    if project.database == "mysql":  # the server commits DDL, whatever the program does
        project.sql("DROP TABLE note")
    else:
        assert project.tables() == set()
    project.python(f"""{PREAMBLE}
with engine({url!r}).connect() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    assert not connection.in_transaction()
    assert connection.scalar(sa.text("SELECT 1")) == 1
""")
    assert project.tables() == {"alembic_version", "note"}
    assert project.version() == ["a1c0de000001"]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_a_revision_cannot_end_the_transaction_of_a_program(project: Project) -> None:
    project.write_revision(
        "r1", "with op.get_context().autocommit_block():\n    pass", down_revision="a1c0de000001"
    )
    project.python(f"""{PREAMBLE}
from alembic.util import CommandError
with engine({project.url!r}).connect() as connection, connection.begin():
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        assert "transaction open" in str(error)
    else:
        raise SystemExit("it ran")
""")


def test_logging_and_garbage_collection_stay_the_callers(project: Project) -> None:
    printed = project.python(f"""{PREAMBLE}
import gc
threshold = gc.get_threshold()
root, mine = logging.getLogger(), logging.getLogger("mine")
handler = logging.StreamHandler(sys.stdout)
root.addHandler(handler)
root.setLevel(logging.ERROR)
command.upgrade(config, "head")
assert root.handlers == [handler]
assert root.level == logging.ERROR
assert not mine.disabled
assert gc.get_threshold() == threshold
mine.error("still heard")
""")
    assert printed.strip() == "still heard"


def test_a_command_line_leaves_existing_loggers_alone(project: Project) -> None:
    model = project.write_model("chatty", "import logging\n\nlog = logging.getLogger('chatty')\n")
    project.write_revision(
        "r1",
        "import logging\nlogging.getLogger('chatty').warning('still heard')",
        down_revision="a1c0de000001",
    )
    assert model.exists()
    assert "still heard" in project.run("alembic", "upgrade", "head").stderr


def test_nothing_stays_connected(project: Project) -> None:
    if project.database == "sqlite":
        pytest.skip("a file has no list of connections")
    count = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE()",
    }[project.database]
    project.python(f"""{PREAMBLE}
command.upgrade(config, "head")
command.current(config)
with engine({project.url!r}).connect() as connection:
    assert connection.scalar(sa.text({count!r})) == 1
""")


@pytest.mark.databases("sqlite")
def test_two_runs_in_one_process_can_have_two_databases(project: Project) -> None:
    files = [project.path.parent / f"{name}.sqlite3" for name in "ab"]
    project.python(f"""{PREAMBLE}
import os
for file in {[str(file) for file in files]!r}:
    os.environ[{project.url_variable()!r}] = "sqlite:///" + file
    command.upgrade(config, "head")
""")
    for file in files:
        project.url = f"sqlite:///{file}"
        assert project.version() == ["a1c0de000001"]


def test_an_error_in_a_program_is_an_exception(project: Project) -> None:
    project.python(
        f"""{PREAMBLE}
from alembic.util import CommandError
try:
    command.upgrade(config, "head")
except CommandError as error:
    assert "ENVIRONMENT is 'prod'" in str(error)
else:
    raise SystemExit("not refused")
""",
        ENVIRONMENT="prod",
    )
