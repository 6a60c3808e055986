"""Answers: the bad ones are refused in a line each, the good ones arrive unchanged."""

import ast
import configparser
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Callable
from email.headerregistry import Address
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import Bake
from .projects import REPOSITORY, Project, clean_environment


def load_hook() -> ModuleType:
    """Return the hook as a module: only its `main` has something to render."""
    path = REPOSITORY / "hooks" / "pre_gen_project.py"
    spec = importlib.util.spec_from_file_location("pre_gen_project", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = load_hook()
GOOD = {
    "project_name": "My Shop",
    "project_slug": "my_shop",
    "description": "Sells things",
    "author_name": "Jane Doe",
    "author_email": "jane@example.com",
}
LIGHT = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def problems(**answers: Any) -> list[str]:
    """Return what is wrong with good answers when `answers` replace some of them."""
    found: list[str] = HOOK.problems(GOOD | answers)
    return found


# --- the slug ---

SHAPE = "2 to 40 lower-case letters, digits and _"
MALFORMED = {
    "empty": "",
    "one_letter": "a",
    "too_long": "a" * 41,
    "huge": "a" * 100_000,
    "capital": "Shop",
    "capital_inside": "myShop",
    "leading_digit": "2shop",
    "leading_underscore": "_shop",
    "trailing_underscore": "shop_",
    "dunder": "__init__",
    "underscores": "__",
    "hyphen": "my-shop",
    "blank_inside": "my shop",
    "leading_blank": " shop",
    "trailing_blank": "shop ",
    "tab": "my\tshop",
    "newline_inside": "my\nshop",
    "trailing_newline": "shop\n",
    "nul": "my\0shop",
    "delete": "my\x7fshop",
    "dot": ".",
    "dots": "..",
    "dotted": "my.shop",
    "extension": "shop.py",
    "folder": "my/shop",
    "parent_folder": "../shop",
    "absolute_path": "/tmp/shop",
    "home": "~/shop",
    "windows_folder": "my\\shop",
    "windows_drive": "c:shop",
    "windows_stream": "shop:stream",
    "accent": "caf\u00e9",
    "accent_composed": "cafe\u0301",
    "cyrillic_lookalike": "sh\u043ep",
    "full_width": "\uff53hop",
    "arabic_digit": "shop\u0661",
    "superscript_digit": "shop\u00b2",
    "kanji": "\u5e97\u5e97",
    "emoji": "shop\U0001f600",
    "zero_width": "my\u200bshop",
    "right_to_left": "my\u202eshop",
    "surrogate": "my\udc80shop",
    "quote": "my'shop",
    "double_quote": 'my"shop',
    "triple_quotes": '"""',
    "dollar": "$HOME",
    "percent": "%APPDATA%",
    "command": "$(id)",
    "star": "shop*",
    "template": "{{ shop }}",
    "markup": "<b>",
    "option": "--help",
    "nothing": None,
    "number": 5,
    "list": ["shop"],
}
TAKEN = {
    "a word of Python's own": "class import async await lambda match case type lazy",
    "a module of Python's standard library": "json test email types logging site this compression",
    "a package that the project depends on": "alembic alembic_postgresql_enum click colorama"
    " cryptography dotenv flask flask_sqlalchemy flask__sqlalchemy flask_wtf gunicorn jinja2 mako"
    " markupsafe mypy psycopg pymysql pytest python_dotenv ruff sqlalchemy typing_extensions"
    " types_pymysql tzdata werkzeug wtforms",
    "a name that the project or its tools use": "build dist instance migrations pip tests"
    " wsgi node_modules sitecustomize",
    "a device on Windows": "aux con nul prn com0 com1 lpt9",
}


@pytest.mark.parametrize("slug", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_slug_is_refused(slug: object) -> None:
    (line,) = problems(project_slug=slug)
    assert SHAPE in line
    assert len(line) < 300
    assert "my_shop would do" in line


@pytest.mark.parametrize(
    ("slug", "reason"),
    [pytest.param(slug, why, id=slug) for why, slugs in TAKEN.items() for slug in slugs.split()],
)
def test_a_taken_slug_is_refused(slug: str, reason: str) -> None:
    (line,) = problems(project_slug=slug)
    assert line.startswith(f"project_slug is '{slug}': that is {reason}; ")


def test_what_is_said_to_do_instead_of_a_taken_slug_does() -> None:
    for names in HOOK.TAKEN.values():
        for slug in names:
            if HOOK.SLUG.fullmatch(slug):
                (line,) = problems(project_slug=slug)
                instead = re.search(r"; (\w+) would do\.$", line)
                assert instead, line
                assert problems(project_slug=instead[1]) == []


@pytest.mark.parametrize(
    "slug",
    ["ab", "x9", "a__b", "s" * 40, "app", "config", "models", "templates", "database", "com10"]
    + ["env", "notes", "flask_shop", "test_shop", "alembic2", "classes", "myjson"],
)
def test_a_good_slug_is_accepted(slug: str) -> None:
    assert problems(project_slug=slug) == []


@pytest.mark.parametrize("slug", ["aa", "app", "models", "templates", "versions", "zz__9"])
def test_a_good_slug_makes_a_project_that_runs(slug: str, bake: Bake) -> None:
    project = bake(project_slug=slug)
    project.ok("ruff", "check", "--no-cache", ".")
    project.ok("ruff", "format", "--no-cache", "--check", ".")
    # The linter passes over folders of some names.
    assert f"{slug}/app.py" in project.ok("ruff", "check", "--show-files").replace(os.sep, "/")
    code = f"from wsgi import app; assert app.import_name == '{slug}.app'"
    project.python(code, ENVIRONMENT="development")


@pytest.mark.parametrize(
    "name",
    [
        "My Flask App",
        "Café Ünïcode",
        "日本語",
        "\U0001f600",
        "-",
        "N" * 40,
        "a b " * 9 + "c",
        "日本語" * 13,
    ],
)
def test_the_slug_that_is_made_from_a_name_is_good(name: str) -> None:
    context = generate_context(
        str(REPOSITORY / "cookiecutter.json"), extra_context={"project_name": name}
    )
    answers = prompt_for_config(context, no_input=True)
    assert HOOK.problems(answers) == []


# --- the names that a slug must not take ---


def slug_of(distribution: str) -> str:
    """Return the slug of a project whose distribution would be called so."""
    return canonicalize_name(distribution).replace("-", "_")


def installed_names(site_packages: Path) -> set[str]:
    """Return the slugs that what is installed there takes, or would take on other systems."""
    modules = {path.name.partition(".")[0] for path in site_packages.iterdir()}
    names = set()
    for distribution in metadata.distributions(path=[str(site_packages)]):
        names.add(distribution.name)
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or any(
                requirement.marker.evaluate({**system, "extra": ""})
                for system in (
                    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
                    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
                )
            ):
                names.add(requirement.name)
    slugs = modules | {slug_of(name) for name in names}
    return {slug for slug in slugs if HOOK.SLUG.fullmatch(slug)}


def test_the_dependencies_names_are_those_of_what_is_installed(project_bin: Path) -> None:
    (site_packages,) = project_bin.parent.rglob("site-packages")
    expected = sorted(installed_names(site_packages))
    assert sorted(HOOK.DEPENDENCIES.split()) == expected, " ".join(expected)


@pytest.mark.strategies("env-var")
def test_every_dependency_in_pyproject_is_refused_as_a_slug(generated: Project) -> None:
    data = tomllib.loads((generated.path / "pyproject.toml").read_text(encoding="utf-8"))
    lines = data["project"]["dependencies"] + data["dependency-groups"]["dev"]
    for line in lines:
        assert problems(project_slug=slug_of(Requirement(line).name)) != [], line


def test_every_name_beside_the_package_is_refused_as_a_slug(generated: Project) -> None:
    beside = {
        path.name.partition(".")[0]
        for path in generated.path.iterdir()
        if (path.is_dir() or path.suffix == ".py") and path != generated.package
    }
    ignored = (generated.path / ".gitignore").read_text(encoding="utf-8").split()
    names = beside | {line.strip("/") for line in ignored}
    for slug in sorted(names):
        assert problems(project_slug=slug) != [], slug


# --- the other answers ---

BLANK = "nothing to read"
EDGES = "starts or ends with a blank"
CONTROL = "control character"
TEMPLATE = "starts a template's own code"
LONG = "characters; up to"
UNWANTED = {
    "empty": ("", BLANK),
    "blank": ("   ", BLANK),
    "no_break_space": ("\u00a0", BLANK),
    "newline_only": ("\n", BLANK),
    "invisible": ("\u200b\u2060", BLANK),
    "leading_blank": (" a", EDGES),
    "trailing_blank": ("a\u3000", EDGES),
    "newline": ("a\nb", CONTROL),
    "carriage_return": ("a\rb", CONTROL),
    "tab": ("a\tb", CONTROL),
    "nul": ("a\0b", CONTROL),
    "escape": ("a\x1b[31mb", CONTROL),
    "delete": ("a\x7fb", CONTROL),
    "next_line": ("a\x85b", CONTROL),
    "line_separator": ("a\u2028b", CONTROL),
    "paragraph_separator": ("a\u2029b", CONTROL),
    "right_to_left_override": ("a\u202eb", CONTROL),
    "right_to_left_mark": ("a\u200fb", CONTROL),
    "zero_width_space": ("a\u200bb", CONTROL),
    "isolate": ("a\u2066b", CONTROL),
    "surrogate": ("a\udc80b", CONTROL),
    "expression": ("a {{ b }}", TEMPLATE),
    "statement": ("a {% b %}", TEMPLATE),
    "comment": ("a {# b #}", TEMPLATE),
    "half_an_expression": ("a{{", TEMPLATE),
    "too_long": ("a" * 255, LONG),
    "huge": ("a" * 100_000, LONG),
    "nothing": (None, "no text"),
    "number": (5, "no text"),
    "list": (["a"], "no text"),
    "object": ({"a": "b"}, "no text"),
}
NO_ADDRESS = {
    "no_at": "jane",
    "two_ats": "a@b@c.org",
    "no_local_part": "@c.org",
    "no_domain": "jane@",
    "no_dot": "jane@localhost",
    "leading_dot": ".a@c.org",
    "two_dots": "a..b@c.org",
    "dot_before_at": "a.@c.org",
    "two_dots_in_domain": "a@c..org",
    "trailing_dot": "a@c.org.",
    "blank": "a b@c.org",
    "brackets": "<jane@c.org>",
    "with_name": "Jane <jane@c.org>",
    "comment": "jane(x)@c.org",
    "comma": "a,b@c.org",
    "semicolon": "a;b@c.org",
    "colon": "mailto:a@c.org",
    "quoted": '"a b"@c.org',
    "backslash": "a\\b@c.org",
    "accent": "j\u00f6rg@c.org",
    "emoji": "\U0001f600@c.org",
    "ip_address": "a@[127.0.0.1]",
}


@pytest.mark.parametrize("variable", HOOK.LONGEST)
@pytest.mark.parametrize(("value", "reason"), UNWANTED.values(), ids=UNWANTED)
def test_an_unwanted_text_is_refused(variable: str, value: object, reason: str) -> None:
    lines = problems(**{variable: value})
    assert [line for line in lines if reason in line and line.startswith(f"{variable} is ")], lines


@pytest.mark.parametrize("address", NO_ADDRESS.values(), ids=NO_ADDRESS)
def test_what_is_no_address_is_refused(address: str) -> None:
    (line,) = problems(author_email=address)
    assert "accept no such address" in line


@pytest.mark.parametrize(
    "address",
    ["a@b.org", "a.b+c@d-e.org", "o'neil@x.org", "{a}@x.org", "a%b@x.org", "a@b\u00fccher.de"],
)
def test_an_address_is_accepted(address: str) -> None:
    assert problems(author_email=address) == []


def test_all_problems_are_told_at_once_each_in_a_line() -> None:
    answers = {"project_slug": "class", "project_name": " \n{{", "author_email": "x"}
    lines = problems(**answers, description="", author_name="{#\u2028x")
    assert [line.partition(" ")[0] for line in lines] == (
        ["project_slug"] + ["project_name"] * 3 + ["description"] + ["author_name"] * 2
    ) + ["author_email"]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_linter_accepts_every_invisible_character_that_is_accepted(
    generated: Project, tmp_path: Path
) -> None:
    invisible = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) in ("Cf", "Zs")]
    accepted = [c for c in invisible if not problems(project_name=f"a{c}b")]
    assert len(accepted) > 100
    path = tmp_path / "module.py"
    path.write_text("".join(f'V{ord(c)} = "a{c}b"\n' for c in accepted), encoding="utf-8")
    pyproject = str(generated.path / "pyproject.toml")
    generated.ok("ruff", "check", "--no-cache", "--config", pyproject, str(path))


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_formatter_breaks_no_line_for_a_wide_name(generated: Project, tmp_path: Path) -> None:
    names = ["日" * n for n in range(1, 100) if not problems(project_name="日" * n)]
    path = tmp_path / "config.py"
    lines = "".join(f'    APP_NAME = "{name}"\n' for name in names)
    path.write_text(f"class Config:\n{lines}", encoding="utf-8")
    pyproject = str(generated.path / "pyproject.toml")
    generated.ok("ruff", "format", "--no-cache", "--check", "--config", pyproject, str(path))


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.none() | st.booleans() | st.floats() | st.integers(),
    st.lists(st.text(max_size=2)),
)


@LIGHT
@given(st.fixed_dictionaries(dict.fromkeys(GOOD, VALUES)))
def test_any_answers_end_in_printable_lines(answers: dict[str, object]) -> None:
    for line in HOOK.problems(answers):
        assert line.isprintable()
        assert len(line) < 300
        assert line.partition(" is ")[0] in answers


# --- what arrives ---

PIECES = [
    *("'", '"', "'''", '"""', "\\", "\\n", "\\N{DASH}", "\\x41", "\\u0041", "#", " # ", ": "),
    *("%", "%%", "%(here)s", "%s", "{", "}", "{0}", "}}", "%}", "#}", "${HOME}", "$(id)", "`id`"),
    *("</script>", "<!--", "&amp;", "&", "<b>", "|", "---", "- ", "[x](y)", "* ", "!x", "@", "~"),
    *("\U0001f600", "\U0001f469\u200d\U0001f4bb", "\u2764\ufe0f", "caf\u00e9", "e\u0301", "日本語"),
    *("Привет", "שלום", "مرحبا", "नमस्ते", "\u200e", "\u00a0", "\u3000", "\ufeff", "\uffff", " "),
    *("yes", "null", "1.0", "=", ";", ",", "cookiecutter.project_slug", "raw", "None", "a"),
]


def texts(variable: str) -> st.SearchStrategy[str]:
    """Return texts that are accepted for `variable`, hard ones first."""
    piece = st.sampled_from(PIECES) | st.characters(codec="utf-8", exclude_categories=["Cc"])
    return (
        st.lists(piece, min_size=1, max_size=30)
        .map(lambda pieces: "".join(pieces).strip())
        .filter(lambda text: not problems(**{variable: text}))
    )


def addresses() -> st.SearchStrategy[str]:
    """Return e-mail addresses that are accepted."""
    word = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    return st.from_regex(rf"{word}(\.{word})*@[\w-]+(\.[\w-]+)+", fullmatch=True).filter(
        lambda address: not problems(author_email=address)
    )


@LIGHT
@given(texts("author_name"), addresses())
def test_accepted_authors_suit_pip(name: str, address: str) -> None:
    # As setuptools does, which pip builds with: first its pattern, then the header.
    assert re.match(r"^[^@]+@[^@]+\.[^@]+\Z", address)
    assert Address(display_name=name, addr_spec=address).addr_spec == address


def parse_ini(text: str) -> None:
    """Read every value of an alembic.ini as Alembic and logging do."""
    parser = configparser.ConfigParser({"here": "/project"})
    parser.read_string(text)
    for section in parser.sections():
        parser.items(section, raw=section.startswith("formatter_"))


PARSERS: dict[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".ini": parse_ini,
    ".json": json.loads,
    ".yml": yaml.safe_load,
    ".yaml": yaml.safe_load,
    ".html": lambda text: HTMLParser().feed(text),
}


def app_name(project: Project) -> object:
    """Return what config.py has as the pages' title."""
    tree = ast.parse((project.package / "config.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "APP_NAME":
            return ast.literal_eval(node.value)
    raise AssertionError("config.py has no APP_NAME")


def assert_arrived(project: Project) -> None:
    """Check that every file parses and is formatted, and that the texts are where they belong."""
    answers = project.answers
    for path in project.path.rglob("*"):
        if path.suffix in PARSERS:
            PARSERS[path.suffix](path.read_text(encoding="utf-8"))
    project.ok("ruff", "check", "--no-cache", ".")
    project.ok("ruff", "format", "--no-cache", "--check", ".")

    assert app_name(project) == answers["project_name"]
    base = (project.package / "templates" / "base.html").read_text(encoding="utf-8")
    assert re.search(r"<title>.*config\.APP_NAME.*</title>", base)
    readme = (project.path / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {answers['project_name']}\n\n{answers['description']}\n\n")
    data = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert data["description"] == answers["description"]
    author = {"name": answers["author_name"], "email": answers["author_email"]}
    assert data["authors"] == [author]


@settings(LIGHT, max_examples=25)
@given(
    texts("project_name"),
    texts("description"),
    texts("author_name"),
    addresses(),
    st.sampled_from(["flask-config", "env-var"]),
)
@example("\\" * 40, '"' * 200, "'" * 80, "a'b@c.org", "env-var")
@example("\"'" * 20, "\\", '"', "{a}@b.org", "flask-config")
@example("N" * 40, "d" * 200, "n" * 80, "a" * 250 + "@b.c", "env-var")
@example("日" * 40, "日" * 200, "\U0001f600" * 80, "a@日本.jp", "env-var")
def test_texts_arrive_unchanged(
    bake: Bake, name: str, description: str, author: str, address: str, strategy: str
) -> None:
    project = bake(
        project_name=name,
        description=description,
        author_name=author,
        author_email=address,
        url_strategy=strategy,
    )
    assert_arrived(project)


# --- the command lines ---


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a git repository of its own, with what is not committed yet: for cruft."""
    folder = tmp_path_factory.mktemp("template")
    for name in ("cookiecutter.json", "hooks", "templates", "{{cookiecutter.project_slug}}"):
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name)
        else:
            shutil.copy(REPOSITORY / name, folder)
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "template"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


Generate = Callable[..., tuple[int, list[str]]]


@pytest.fixture(params=["cookiecutter", "cruft"])
def generate(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> Generate:
    """Generates with a command line in `tmp_path`, and returns the exit code and the lines."""
    folder = tmp_path / "work"
    folder.mkdir()

    def generate(answers: dict[str, str], *options: str) -> tuple[int, list[str]]:
        if request.param == "cookiecutter":
            words = ["--no-input", *options, str(template)]
            words += [f"{name}={value}" for name, value in answers.items()]
        else:
            words = ["create", "--no-input", *options, str(template)]
            words += ["--extra-context", json.dumps(answers)]
        end = subprocess.run(
            [sys.executable, "-m", request.param, *words],
            cwd=folder,
            env=clean_environment(HOME=str(tmp_path)),
            capture_output=True,
            text=True,
            check=False,
        )
        return end.returncode, end.stderr.splitlines()

    return generate


@pytest.mark.parametrize(
    "bad",
    [
        {"project_slug": "flask"},
        {"project_slug": "../beside"},
        {
            "project_slug": "a b",
            "description": "a\nb",
            "author_email": "x",
            "author_name": '"""\\ ',
        },
    ],
    ids=["taken", "parent_folder", "many"],
)
def test_a_refusal_says_why_first_and_leaves_nothing(
    bad: dict[str, str], generate: Generate, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    code, lines = generate(bad)
    assert code == 1
    expected = problems(**bad)
    assert lines[: len(expected)] == expected
    assert list((tmp_path / "work").iterdir()) == []
    # The programs' own folders, such as .cookiecutters, have a dot.
    assert {path for path in tmp_path.iterdir() if path.name[0] != "."} == before


def test_hard_answers_make_a_project(generate: Generate, tmp_path: Path) -> None:
    answers = {
        "project_slug": "shop",
        "project_name": "'\"\\ %s </b> \U0001f600 日本",
        "author_name": '"',
    }
    code, lines = generate(answers)
    assert code == 0, lines
    project = Project(tmp_path / "work" / "shop", answers, Path())
    assert app_name(project) == answers["project_name"]


def test_a_refusal_keeps_what_was_there(generate: Generate, tmp_path: Path) -> None:
    kept = tmp_path / "work" / "instance" / "kept"
    kept.parent.mkdir()
    kept.touch()
    code, _ = generate({"project_slug": "instance"}, "--overwrite-if-exists")
    assert code == 1
    assert list(kept.parent.iterdir()) == [kept]


def test_generating_once_more_keeps_a_users_files(generate: Generate, tmp_path: Path) -> None:
    generate(GOOD)
    project = tmp_path / "work" / "my_shop"
    folders = [path for path in project.rglob("*") if path.is_dir()]
    for folder in folders:
        (folder / "mine.py").touch()
    code, _ = generate(GOOD, "--overwrite-if-exists")
    assert code == 0
    assert [folder for folder in folders if not (folder / "mine.py").exists()] == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [({"database": "oracle"}, "['sqlite', 'postgresql', 'mysql']"), ({"example": "x"}, "boolean")],
    ids=["choice", "boolean"],
)
def test_a_wrong_choice_is_refused(
    bad: dict[str, str], reason: str, generate: Generate, tmp_path: Path
) -> None:
    code, lines = generate(bad)
    assert code == 1
    assert reason in "".join(lines)
    assert list((tmp_path / "work").iterdir()) == []
