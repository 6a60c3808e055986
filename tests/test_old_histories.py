"""Histories that began elsewhere: each revision does what it did there, wherever its file is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .projects import Project
from .repositories import Git
from .test_history import head_file
from .test_status import HEAD, examine, readyz, set_version


def tell_project(project: Project, **settings: object) -> None:
    """Give PROJECT these settings."""
    wiring = project.package / "database" / "migrations.py"
    text = wiring.read_text(encoding="utf-8")
    for name, value in settings.items():
        text = re.sub(rf"    {name}=.*\n", "", text)
        text = text.replace("PROJECT = Project(\n", f"PROJECT = Project(\n    {name}={value!r},\n")
        assert text.count(f"    {name}=") == 1
    wiring.write_text(text, encoding="utf-8")


# As Flask-Migrate writes it where the models have no naming convention.
UNNAMED = """op.create_table(
    "template",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("email", sa.String(80), nullable=False),
    sa.Column("note_id", sa.Integer(), nullable=True),
    sa.Column("price", sa.Integer(), nullable=False),
    sa.Column("code", sa.String(9), nullable=False),
    sa.CheckConstraint("price > 0", name="positive"),
    sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("email"),
    sa.UniqueConstraint("code", name="code_once"),
)
op.create_index("template_price", "template", ["price"])
"""
TEMPLATE = """class Template(Base):
    __tablename__ = "template"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(80), unique=True)
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("note.id"))
    price: Mapped[int] = mapped_column(index=True)
    code: Mapped[str] = mapped_column(sa.String(9), unique=True)
    __table_args__ = (sa.CheckConstraint("price > 0", name="positive"),)
"""


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_what_differs_in_names_only_is_renamed(project: Project) -> None:
    project.write_revision("old", UNNAMED, 'op.drop_table("template")', HEAD)
    project.write_model("template", TEMPLATE)
    project.ok("alembic", "upgrade", "head")
    project.sql("INSERT INTO template VALUES (1, 'a@b.c', NULL, 5, 'x')")
    found = examine(project, "drifted")
    assert "in nothing but the names of" in found["sentence"]
    end = project.run("alembic", "check")
    assert end.returncode != 0
    assert "differ in nothing but the names" in end.stderr
    path = project.autogenerate("rename constraints")
    assert path is not None
    text = path.read_text(encoding="utf-8")
    renames = {"sqlite": 0, "postgresql": 4, "mysql": 3}  # MariaDB renames no CHECK
    assert text.count(" RENAME ") == 2 * renames[project.database]
    # On the database that has rows, and on a new one.
    for command in ("upgrade head", "check", "downgrade base", "upgrade head", "check"):
        project.ok("alembic", *command.split())
    project.ok("alembic", "downgrade", "old")
    project.ok("alembic", "upgrade", "head")
    # A rename is no danger to code that runs.
    named = [line for line in project.findings() if path.name in line]
    assert not named or project.database in ("sqlite", "mysql")


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_a_revision_makes_the_names_that_it_made_before(project: Project) -> None:
    """Red with the models' convention: `uq_template_email` is there, and cannot be dropped so."""
    project.write_revision("old", UNNAMED, 'op.drop_table("template")', HEAD)
    project.write_revision(
        "next", 'op.drop_constraint("template_email_key", "template")', down_revision="old"
    )
    names = "SELECT conname FROM pg_constraint WHERE conrelid = 'template'::regclass"
    project.ok("alembic", "upgrade", "head")
    assert ("positive",) in project.sql(names)
    assert "template_email_key" in project.ok("alembic", "upgrade", "old:head", "--sql")
    # A history that needs the convention gets it, up to a revision.
    project.ok("alembic", "downgrade", HEAD)
    tell_project(project, convention_until="old")
    assert "template_email_key" in project.run("alembic", "upgrade", "head").stderr
    assert {("uq_template_email",), ("ck_template_positive",)} <= {*project.sql(names)}
    project.write_revision(
        "next", 'op.create_unique_constraint(None, "template", ["price"])', down_revision="old"
    )
    project.ok("alembic", "upgrade", "head")
    assert ("template_price_key",) in project.sql(names)
    tell_project(project, convention_until="nope")
    refusal = project.refused("alembic", "upgrade", "head")
    assert "convention_until in PROJECT is nope, which is no revision" in refusal


BOUND = """class Thing(Base):
    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    mood: Mapped[str] = mapped_column(
        sa.Enum("good", "bad", name="mood", native_enum=False, create_constraint=True)
    )
"""
FLAG = """    flag: Mapped[bool] = mapped_column(
        sa.Boolean(create_constraint=True, name="flagged"), server_default=sa.true()
    )
"""


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_types_with_a_check_need_no_convention(project: Project) -> None:
    # PostgreSQL has booleans: no CHECK is made, and Alembic misses it for ever.
    flag = "" if project.database == "postgresql" else FLAG
    project.write_model("thing", BOUND)
    path = project.autogenerate("add things")
    assert path is not None
    assert 'op.f("ck_thing_mood")' in path.read_text(encoding="utf-8")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.write_model("thing", BOUND + flag)
    project.autogenerate("add flags")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_what_a_half_done_revision_has_committed_is_said(project: Project, tmp_path: Path) -> None:
    concurrently = 'op.execute("CREATE INDEX CONCURRENTLY ix_raw ON note (more)")'
    add = 'op.execute("ALTER TABLE note ADD COLUMN more INTEGER")'
    path = project.write_revision(
        "r1", f'{add}\nop.execute("COMMIT")\n{concurrently}', down_revision=HEAD
    )
    text = path.read_text(encoding="utf-8")
    output = project.run("alembic", "upgrade", "head").stderr
    assert "has committed these statements" in output
    assert output.rstrip().endswith("ALTER TABLE note ADD COLUMN more INTEGER")
    assert "autocommit_block()" in output
    assert project.sql("SELECT more FROM note") == []

    project.sql("ALTER TABLE note DROP COLUMN more")
    block = f"with op.get_context().autocommit_block():\n    {concurrently}"
    project.write_revision("r1", f"{add}\n{block}\nop.execute('nonsense')", down_revision=HEAD)
    output = project.run("alembic", "upgrade", "head").stderr
    assert "ADD COLUMN more INTEGER\n  CREATE INDEX CONCURRENTLY" in output

    untyped = (
        "op.get_bind().execute(sa.text(\"SELECT json_build_object('a', :a)\"), {'a': 'b'}).all()"
    )
    project.write_revision("r1", untyped, down_revision=HEAD)
    output = project.run("alembic", "upgrade", "head").stderr
    assert "CAST(:value AS text)" in output
    assert "has committed" not in output

    # psycopg 2, where a project stays on it, runs both as they are.
    project.sql("DROP INDEX ix_raw")
    project.sql("ALTER TABLE note DROP COLUMN more")
    subprocess.run(
        [
            *(Path(sys.executable).with_name("uv"), "pip", "install", "--quiet"),
            *("--python", project.bin / "python"),
            *("--target", tmp_path / "psycopg2", "psycopg2-binary"),
        ],
        check=True,
    )
    path.write_text(text + f"    {untyped}\n", encoding="utf-8")
    project.url = project.url.replace("postgresql://", "postgresql+psycopg2://")
    hide = "import sys\nsys.modules['psycopg'] = None\n"
    (tmp_path / "psycopg2" / "sitecustomize.py").write_text(hide)
    variables = {"PYTHONPATH": str(tmp_path / "psycopg2")}
    project.ok("alembic", "upgrade", "head", **variables)
    found = examine(project, "drifted", **variables)
    assert found["driver"].startswith("psycopg2 2.")


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_heads_with_labels_are_meant(project: Project) -> None:
    table = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'

    def add(revision: str, after: str | None, label: str | None = None) -> Path:
        body = table.format(revision) if label else "pass"
        drop = f'op.drop_table("{revision}")' if label else "pass"
        path = project.write_revision(revision, body, drop, after)
        if label:
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("\ndown_", f"\nbranch_labels = ({label!r},)\ndown_"))
        return path

    add("r1", None, "reports")
    assert examine(project, "behind")["next"] == "alembic upgrade heads"
    assert readyz(project) == (503, {"status": "behind"})
    project.ok("alembic", "upgrade", "heads")
    assert readyz(project) == (200, {"status": "up to date"})
    assert examine(project, "drifted")["current"]  # the model is missing
    project.ok("python", "-m", "migrator.revisions.head")
    tests = ("pytest", "tests/test_migrations.py", "-k", "follow or head or up_down")
    project.ok(*tests)
    # Two that follow the same one by mistake are found as before, whichever branch they are on.
    for after, other in (("r1", "r3"), (HEAD, "r3")):
        paths = [add("r2", after), add(other, after)]
        found = examine(project, "two heads")
        assert found["next"].split()[-2:] == ["r2", "r3"]
        assert "r2 and r3 follow the same one" in project.refused(*tests)
        for path in paths:
            path.unlink()
    set_version(project, HEAD)
    assert examine(project, "behind")["pending"] == ["r1"]
    project.sql("DROP TABLE r1")
    project.ok("flask", "db", "upgrade", "heads")
    assert sorted(project.version()) == sorted([HEAD, "r1"])


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_a_branch_with_a_label_is_rebased_alone(project: Project) -> None:
    git = Git(project.path)
    options = ("--head", "base", "--splice", "--branch-label", "reports")
    project.ok("alembic", "revision", "-m", "reports", "--rev-id", "aaaa", *options)
    git.commit("two branches")
    git.ok("git", "switch", "--quiet", "--create", "feature")
    project.ok("alembic", "revision", "-m", "mine", "--rev-id", "bbbb", "--head", "reports@head")
    git.commit("mine")
    git.ok("git", "switch", "--quiet", "main")
    project.ok("alembic", "revision", "-m", "theirs", "--rev-id", "cccc", "--head", "aaaa")
    git.commit("theirs")
    git.ok("git", "switch", "--quiet", "feature")
    assert git.run("git", "merge", "main").returncode == 1
    assert "bbbb now follows cccc" in project.ok("flask", "db", "rebase")
    assert head_file(project).split() == [HEAD, "bbbb"]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_every_revision_file_is_seen(project: Project) -> None:
    ini = project.path / "alembic.ini"
    text = ini.read_text(encoding="utf-8")
    locations = "%(here)s/alembic/versions\n    %(here)s/other versions"
    ini.write_text(
        text.replace(
            "path_separator = os",
            f"path_separator = newline\nversion_locations = {locations}\n"
            "recursive_version_locations = true",
        ),
        encoding="utf-8",
    )
    drop = "op.drop_column('note', 'text')"
    folder = project.path / "alembic" / "versions" / "2026"
    folder.mkdir()
    (project.path / "other versions").mkdir()
    first = project.write_revision("r1", drop, down_revision=HEAD)
    first.rename(folder / "r1.py")
    second = project.write_revision("r2", drop)
    text = second.read_text(encoding="utf-8")
    second.write_text(
        text.replace("\nrevision =", "\nBEFORE = 'r1'\nrevision =").replace(
            "down_revision = None", "down_revision: str = BEFORE"
        )
    )
    second.rename(project.path / "other versions" / "r2.py")
    for number in (3, 4):
        project.write_revision(f"r{number}", drop, down_revision="r2")
    fifth = project.write_revision("r5", drop)
    text = fifth.read_text(encoding="utf-8")
    fifth.write_text(text.replace("= None", "= [\n    'r3',  # the one (of two)\n    'r4',\n]"))

    head = ("python", "-m", "migrator.revisions.head")
    project.ok(*head)
    assert head_file(project) == "r5"
    found = project.findings()
    assert [line.split(":")[0].split("/")[-1].split("_")[-1] for line in found] == [
        "r1.py",
        "r3.py",
        "r4.py",
        "r5.py",
        "r2.py",
    ]
    project.ok("alembic", "revision", "-m", "sixth", "--rev-id", "r6")
    assert head_file(project) == "r6"

    # What cannot be read is named, by the step after a new revision too, which is not done then.
    broken = project.path / "other versions" / "r7.py"
    broken.write_text("revision = str('r7')\ndown_revision = 'r6'\n", encoding="utf-8")
    assert f"{broken} cannot be read" in project.refused(*head)
    output = project.refused("alembic", "revision", "-m", "eighth", "--rev-id", "r8")
    assert f"is written, but not finished: {broken} cannot be read" in " ".join(output.split())
    assert head_file(project) == "r6"


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.strategies("env-var")
def test_what_is_older_than_the_baseline_is_not_judged(project: Project) -> None:
    project.write_revision(
        "r1",
        'op.create_table("kept", sa.Column("id", sa.Integer, primary_key=True))\n'
        'op.drop_column("note", "text")\nop.add_column("note", sa.Column("text", sa.String(200)))',
        'raise NotImplementedError("there is no way back")',
        HEAD,
    )
    project.ok("python", "-m", "migrator.revisions.head")
    tests = ("pytest", "tests/test_migrations.py", "-k", "up_down or running_code")
    output = project.refused_by_tests(*tests)
    assert "drops a column" in output
    assert "NotImplementedError" in output
    tell_project(project, baseline="r1")
    project.ok(*tests)
    path = project.write_revision("r2", 'op.drop_column("note", "text")', "pass", "r1")
    project.ok("python", "-m", "migrator.revisions.head")
    assert path.name in project.refused_by_tests(*tests)
    tell_project(project, baseline="nope")
    assert "baseline in PROJECT is nope" in project.refused_by_tests(*tests)


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_a_squashed_revision_is_followed(project: Project) -> None:
    squashed = project.write_revision("s1", "pass", down_revision=None)
    text = squashed.read_text(encoding="utf-8")
    squashed.write_text(f"{text}\n\nreplaces = ('old1', 'old2', {HEAD!r})\n", encoding="utf-8")
    project.write_revision("s2", "pass", down_revision="s1")
    for path in project.revisions():
        if HEAD in path.name:
            path.unlink()
    set_version(project, "old1")
    found = examine(project, "squashed")
    assert "in the middle of those that s1 replaces" in found["sentence"]
    assert found["next"] == "git log --all --oneline -- '*old1*.py'"
    assert readyz(project) == (503, {"status": "squashed"})
    assert "in the middle of those" in project.refused("flask", "db", "adopt")
    assert project.version() == ["old1"]
    set_version(project, HEAD)
    assert examine(project, "squashed")["next"] == "flask db adopt"
    assert "Next: flask db adopt" in project.refused("alembic", "upgrade", "head")
    output = project.ok("flask", "db", "adopt")
    assert f"at revision {HEAD}, the last one of those that s1 replaces" in output
    assert project.version() == ["s1"]
    assert examine(project, "behind")["pending"] == ["s2"]

    # Nothing replaces it: it may be a newer release's.
    set_version(project, "gone")
    examine(project, "ahead")
    output = project.refused("flask", "db", "adopt")
    assert "It is what the models say." in output
    assert "note s2 with --stamp-anyway" in output
    assert project.version() == ["gone"]
    project.ok("flask", "db", "adopt", "--stamp-anyway")
    assert project.version() == ["s2"]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_a_lock_timeout_is_for_the_revision_that_sets_it(project: Project) -> None:
    variable = {"postgresql": "lock_timeout", "mysql": "SESSION lock_wait_timeout"}
    value = {"postgresql": "SHOW lock_timeout", "mysql": "SELECT @@lock_wait_timeout"}
    show = f"print(op.get_bind().scalar(sa.text('{value[project.database]}')))"
    set_timeout = f'op.execute("SET {variable[project.database]} = 99")'
    project.write_revision("r1", f"{set_timeout}\n{show}", down_revision=HEAD)
    project.write_revision("r2", show, down_revision="r1")
    printed = project.ok("alembic", "upgrade", "head").split()
    assert printed == {"postgresql": ["99ms", "5s"], "mysql": ["99", "5"]}[project.database]
    # As SQL too.
    project.write_revision("r1", set_timeout, down_revision=HEAD)
    project.write_revision("r2", "pass", down_revision="r1")
    sql = project.ok("alembic", "upgrade", f"{HEAD}:r2", "--sql")
    values = re.findall(r"\block_(?:wait_)?timeout = (\d+)", sql)
    assert (
        values
        == {"postgresql": ["5000", "99", "5000"], "mysql": ["5", "99", "5"]}[project.database]
    )


HELPERS = '''"""Helpers of the revisions."""

import sqlalchemy as sa
from alembic import op

NAME = "na" + "med"


def make_audit():
    op.create_table("audit", sa.Column("id", sa.Integer, primary_key=True))


def add_log_of(name):
    create_table_if_not_exists("log_of_" + "things", sa.Column("id", sa.Integer, primary_key=True))
    create_table_if_not_exists(name, sa.Column("id", sa.Integer, primary_key=True))


def create_table_if_not_exists(name, *columns):
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *columns)


def only_down():
    op.drop_table("logged")
'''


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_tables_that_helpers_make_are_the_projects(project: Project) -> None:
    (project.path / "revision_helpers.py").write_text(HELPERS, encoding="utf-8")
    project.write_revision(
        "r1",
        "import revision_helpers\nfrom revision_helpers import NAME, add_log_of, make_audit\n"
        'add_log_of("logged")\nmake_audit()\nop.create_table(NAME, sa.Column("id", sa.Integer))\n'
        'revision_helpers.create_table_if_not_exists("made", sa.Column("id", sa.Integer))',
        "from revision_helpers import only_down\nonly_down()",
        HEAD,
    )
    path = project.revisions()[-1]
    # As people write it: imports at the top.
    lines = path.read_text(encoding="utf-8").splitlines()
    imports = [line.strip() for line in lines if "revision_helpers" in line and "import" in line]
    body = [line for line in lines if line.strip() not in imports]
    path.write_text("\n".join([*imports, *body]) + "\n", encoding="utf-8")
    project.ok("alembic", "upgrade", "head")
    project.sql("CREATE TABLE theirs (id INTEGER)")
    drift = examine(project, "drifted")["drift"]
    made = "audit", "logged", "made", "named"
    assert sorted(drift) == [f"op.drop_table({name!r})" for name in made]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_replacing_an_enums_type_is_a_finding(project: Project) -> None:
    project.write_revision(
        "r1",
        'op.create_table("person", sa.Column("mood", sa.Enum("good", "bad", name="mood")))',
        down_revision=HEAD,
    )
    project.write_revision(
        "r2",
        "from alembic_postgresql_enum import TableReference\n"
        'column = TableReference(table_schema="public", table_name="person", column_name="mood")\n'
        'op.sync_enum_values(enum_schema="public", enum_name="mood", new_values=["good"],'
        " affected_columns=[column])",
        down_revision="r1",
    )
    [found] = project.findings()
    assert "r2.py:14: stops writers of person (AccessExclusive)" in found
    assert "rewrite of person" in found
