"""Runs Alembic's own tests against the project's implementation for a database.

usage: python -m tests.alembic_suite [--database sqlite]

Downloads the source of the installed Alembic, generates a project, and runs the tests twice: as they
are, and with the project's `migrator/dialect/registration.py` registered before them. Some that pass
the first time assume what is meant to be otherwise here: `MEANT` has these and why, so far for
SQLite. Prints what fails and is not there, and what is there and passes.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from .projects import DATABASES, SLUG, Project, clean_environment, generate
from .random_models.trial import ANSWERS
from .servers import execute, new_database

# Loaded by pytest before Alembic's tests.
PLUGIN = """
import sys

sys.path.insert(0, {project!r})
from migrator.dialect.registration import register

register()
"""
EXPRESSIONS = "indexes on expressions are reflected and compared"
CHECKS = "CHECKs of one name are kept, and compared by autogenerate/stored.py"
PARENTHESES = "SQLAlchemy writes the parentheses that SQLite asks for"
CHILDREN = "rows that refer to the table would be deleted: refused in one line"
MEANT = {
    "sqlite": {
        "AutogenCheckConstraintTest::test_compare_check_constraint_is_different": CHECKS,
        "AutogenInspectorCacheTest::test_run_compare": "fewer queries than Alembic expects",
        "AutogenerateExpressionIndexTest::test_expression_indexes_add": EXPRESSIONS,
        "AutogenerateExpressionIndexTest::test_expression_indexes_changed": EXPRESSIONS,
        "AutogenerateExpressionIndexTest::test_expression_indexes_remove": EXPRESSIONS,
        "SQLiteAutogenIndexTest::test_functional_ix_one": EXPRESSIONS,
        "SQLiteAutogenIndexTest::test_functional_ix_two": EXPRESSIONS,
        "AutogenRenderTest::test_render_server_default_context_passed": PARENTHESES,
        "SQLiteAutogenRenderTest::test_render_server_default_expr_needs_parens": PARENTHESES,
        "BatchRoundTripTest::test_fk_points_to_me_sqlite_refinteg": CHILDREN,
        "BatchRoundTripTest::test_selfref_fk_sqlite_refinteg": CHILDREN,
    },
}


def main() -> int:
    """Do as the module's docstring says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.alembic_suite", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    database: str = parser.parse_args().database
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = generate(folder, ANSWERS | {"project_slug": SLUG, "database": database})
        source = downloaded(project, folder)
        (folder / "ours.py").write_text(PLUGIN.format(project=str(project.path)), encoding="utf-8")
        failed: set[str] = set()
        for plugin in ("no:ours", "ours"):
            with empty_database(database, Path(tempfile.mkdtemp(dir=folder))) as url:
                # What fails in any case, as for the want of a formatter, says nothing.
                failed = run(project, source, url, plugin) - failed
    meant = MEANT.get(database, {})
    for name in sorted(failed - meant.keys()):
        print(f"fails: {name}")
    for name in sorted(meant.keys() - failed):
        print(f"passes, but is in MEANT: {name}")
    print(f"{database}: {len(failed & meant.keys())} differences that are meant")
    return 0 if failed == meant.keys() else 1


def downloaded(project: Project, folder: Path) -> Path:
    """Return the folder of the source of the Alembic that the project runs with."""
    version = project.python("import alembic; print(alembic.__version__)").strip()
    options = ["--quiet", "--no-deps", "--no-binary", "alembic", "--dest", str(folder)]
    pip = [sys.executable, "-m", "pip", "download", *options, f"alembic=={version}"]
    subprocess.run(pip, check=True)
    [archive] = folder.glob("alembic-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


@contextmanager
def empty_database(database: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a database, with the schema that Alembic's tests want."""
    with new_database(database, folder) as url:
        if database == "postgresql":
            name = url.rpartition("/")[2]
            execute(database, f"ALTER DATABASE {name} SET lock_timeout = '10s'")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE SCHEMA test_schema")
            url = url.replace("postgresql:", "postgresql+psycopg:")
        elif database == "mysql":
            url = url.replace("mysql:", "mariadb+pymysql:")
        yield url


def run(project: Project, source: Path, url: str, plugin: str) -> set[str]:
    """Run the tests with a plugin of pytest, and return the names of those that fail."""
    report = source / "report.xml"
    options = ["-q", "--maxfail=0", "-p", "no:cacheprovider", "-p", plugin]
    options += ["--dburi", url, f"--junitxml={report}"]
    command = [str(project.bin / "python"), "-m", "pytest", *options, "tests"]
    environment = clean_environment(PYTHONPATH=str(source.parent))
    subprocess.run(
        command, cwd=source, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=1200
    )
    cases = ET.parse(report).findall(".//testcase")
    failed = [
        case for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    return {name_of(case) for case in failed}


def name_of(case: ET.Element) -> str:
    """Return the class and the function of a test, without the server and the parameters."""
    class_name = re.sub(r"_\w+\+\w+$", "", case.get("classname", "").rpartition(".")[2])
    return f"{class_name}::{case.get('name', '').partition('[')[0]}"


if __name__ == "__main__":
    sys.exit(main())
