"""What the plan says of a change is what a second session sees; the project's test goes by it."""

import pytest

from . import proof
from .projects import Project

# Those of the changes that hold up writers for as long as a table is large.
FAIL = {
    "postgresql": {
        "add an index",
        "add NOT NULL",
        "change int to bigint",
        "add a foreign key",
        "add a column, then an index elsewhere",
    },
    "mysql": {"change int to bigint", "add a foreign key"},
}


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_a_second_session_sees_what_the_plan_says(project: Project) -> None:
    if project.database == "mysql" and "MariaDB" not in str(project.sql("SELECT VERSION()")):
        pytest.skip("the second session is limited in MariaDB's words")
    proof.prepare(project)
    failing = set()
    for change in proof.changes(project.database):
        proofs = proof.prove(project, change)
        assert proofs, change
        failing |= {change} if any(one.fails for one in proofs) else set()
        for one in proofs:
            # What MariaDB locks briefly is given back before anybody can look.
            is_seen = one.is_long or project.database == "postgresql"
            expected = one.said if is_seen else dict.fromkeys(one.said, "nobody")
            assert one.seen == expected, (change, one)
    assert failing == FAIL[project.database]


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_old_code_breaks_by_what_it_uses_and_not_by_locks(project: Project) -> None:
    proof.prepare(project)
    proof.deploy_old_code(project)
    assert proof.breaks_old_code(project, "rename a column")
    assert not proof.breaks_old_code(project, "change int to bigint")
