"""What a served project answers and logs, over HTTP, and what it refuses to start with."""

import http.client
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .projects import Project

KEY = "0123456789abcdef" * 2
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Answer:
    """An answer: its status, headers and text."""

    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Server:
    """A server that runs; `log` holds its lines once it has ended."""

    port: int
    log: list[str] = field(default_factory=list)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        """Return the answer to a request; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Connection": "close", **sent})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def half_a_request(self) -> socket.socket:
        """Return a connection on which half a request was sent."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        client.sendall(b"GET /notes/ HTTP/1.1\r\nHost: localhost\r\n")
        return client


@contextmanager
def serving(project: Project, *command: str, **variables: str) -> Iterator[Server]:
    """Start a server (gunicorn, unless `command` is another) and yield it when it listens."""
    command = command or ("gunicorn", "wsgi:app", "--bind", "127.0.0.1:{port}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(free.getsockname()[1])
    # One process: a second one that is just starting may miss the signal to stop.
    variables = {"WEB_CONCURRENCY": "1"} | variables
    process = project.start(*[word.format(port=server.port) for word in command], **variables)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            server.log.append(line)
            if re.search(r"Listening at|Running on|Serving on", line):
                break
        else:
            pytest.fail("".join(server.log))
        yield server
    finally:
        process.terminate()
        server.log += process.communicate(timeout=60)[0].splitlines()


def live(project: Project, **variables: str) -> dict[str, str]:
    """Return the variables of production, with `variables` named as the strategy names them."""
    prefix = "FLASK_" if project.strategy == "flask-config" else ""
    variables = {"SECRET_KEY": KEY} | variables
    named = {prefix + name: value for name, value in variables.items()}
    return {"ENVIRONMENT": "production", project.url_variable("production"): project.url} | named


def setting(project: Project, name: str) -> str:
    """Return the variable of a setting."""
    return f"FLASK_{name}" if project.strategy == "flask-config" else name


def requests(server: Server) -> list[dict[str, object]]:
    """Return the JSON lines that a server logged of its requests."""
    lines = [json.loads(line) for line in server.log if line.startswith("{")]
    return [line for line in lines if "method" in line]


only_sqlite = pytest.mark.databases("sqlite")


@only_sqlite
def test_every_answer_has_the_security_headers(project: Project) -> None:
    with serving(project, **live(project, TRUSTED_HOSTS="127.0.0.1")) as server:
        answers = [
            (200, server.ask("/")),
            (200, server.ask("/static/style.css")),
            (200, server.ask("/healthz")),
            (503, server.ask("/readyz")),
            (308, server.ask("/notes")),
            (400, server.ask("/notes/", "POST", b"text=milk")),
            (400, server.ask("/", Host="evil.example")),
            (404, server.ask("/nowhere")),
            (405, server.ask("/", "PUT")),
            (413, server.ask("/notes/", "POST", Content_Length=str(2 << 20))),
        ]
        # There is no table yet.
        broken = server.ask("/notes/")
    assert broken.status >= 500
    for status, answer in [*answers, (broken.status, broken)]:
        assert answer.status == status
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, status
        assert answer.headers["X-Request-ID"]


@only_sqlite
@pytest.mark.strategies("env-var")
def test_https_is_not_demanded_in_development(project: Project) -> None:
    with serving(project, ENVIRONMENT="development") as server:
        answer = server.ask("/")
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


@only_sqlite
@pytest.mark.usefixtures("at_head")
def test_the_session_cookie_is_for_this_host_over_https_alone(project: Project) -> None:
    with serving(project, **live(project)) as server:
        cookie = server.ask("/notes/").headers["Set-Cookie"]
    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-session=")
    assert set(attributes) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    with serving(project, ENVIRONMENT="local", DATABASE_URL_LOCAL=project.url) as server:
        cookie = server.ask("/notes/").headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert "Secure" not in cookie


@only_sqlite
@pytest.mark.usefixtures("at_head")
@pytest.mark.parametrize("hosts", ["shop.example, .shop.test", '["shop.example", ".shop.test"]'])
def test_only_trusted_hosts_are_served_but_probes_come_by_address(
    project: Project, hosts: str
) -> None:
    with serving(project, **live(project, TRUSTED_HOSTS=hosts)) as server:
        for host in ("shop.example", "shop.example:8000", "shop.test", "www.shop.test"):
            assert server.ask("/notes", Host=host).status == 308, host
        for host in ("evil.example", "shop.example.evil.example", "10.0.0.1:8000", ""):
            answer = server.ask("/notes", Host=host)
            assert answer.status == 400, host
            assert "Location" not in answer.headers
            assert answer.text == "This host is not served here.\n"
            assert server.ask("/healthz", Host=host).status == 200
            assert server.ask("/readyz", Host=host).status == 200
    assert not any("TRUSTED_HOSTS" in line for line in server.log)


@only_sqlite
def test_wrong_settings_of_hosts_and_proxies_are_refused_by_name(project: Project) -> None:
    for name, value in (
        ("TRUSTED_HOSTS", ""),
        ("TRUSTED_HOSTS", "[1, 2]"),
        ("TRUSTED_HOSTS", '["a'),
        ("TRUSTED_PROXIES", "one"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "true"),
        ("SECRET_KEY_FALLBACKS", "12345678"),
    ):
        output = project.refused("python", "-c", "import wsgi", **live(project, **{name: value}))
        assert setting(project, name.removesuffix("_FALLBACKS")) in output, output
        assert len(output.splitlines()) == 1


@only_sqlite
def test_as_many_proxies_are_believed_as_are_set(project: Project) -> None:
    ask = """
from flask import request
from wsgi import app
app.add_url_rule("/who", "who", lambda: f"{request.remote_addr} {request.scheme} {request.host}")
print(app.test_client().get("/who", headers={
    "X-Forwarded-For": "6.6.6.6, 1.1.1.1", "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "//evil.example",
}).text)
"""
    assert project.python(ask, **live(project)) == "127.0.0.1 http localhost\n"
    behind = live(project, TRUSTED_PROXIES="1")
    assert project.python(ask, **behind) == "1.1.1.1 https localhost\n"


@only_sqlite
@pytest.mark.usefixtures("at_head")
def test_bodies_and_forms_have_a_limit(project: Project) -> None:
    def form(*fields: bytes) -> bytes:
        part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n'
        return b"".join(part % field for field in fields) + b"--x--\r\n"

    with serving(project, ENVIRONMENT="development") as server:
        for status, body in (
            (413, form(b"x" * 300_000)),
            (400, form(b"x" * 200_000)),  # there is no CSRF token
            (413, form(*[b"x"] * 101)),
            (400, form(*[b"x"] * 100)),
            (413, form(b"x" * 200_000, *[b"x" * 200_000] * 5)),
        ):
            answer = server.ask(
                "/notes/", "POST", body, Content_Type="multipart/form-data; boundary=x"
            )
            assert answer.status == status, (status, len(body))


@only_sqlite
@pytest.mark.parametrize("key", ["12345678", "1" * 40, "true", "short", "for development only", ""])
def test_a_key_that_is_no_text_or_short_is_refused(project: Project, key: str) -> None:
    if project.strategy == "env-var" and len(key) >= 32:
        # Nothing takes it for a number there.
        project.python("import wsgi", **live(project, SECRET_KEY=key))
        return
    for command in (("python", "-c", "import wsgi"), ("flask", "run", "--port", "0")):
        output = project.refused(*command, **live(project, SECRET_KEY=key))
        assert setting(project, "SECRET_KEY") in output
        assert "at least 32 characters" in output
        assert key in ("", "short") or key not in output
        assert len(output.splitlines()) == 1
    # Migrating needs no key.
    project.ok("alembic", "current", **live(project, SECRET_KEY=key))
    project.ok("flask", "db", "current", **live(project, SECRET_KEY=key))


@only_sqlite
def test_cookies_that_an_earlier_key_signed_are_accepted(project: Project) -> None:
    sign = """
from flask import session
from wsgi import app
app.add_url_rule("/set", "set", lambda: session.update(user="ann") or "")
print(app.test_client().get("/set", base_url="https://localhost").headers["Set-Cookie"])
"""
    cookie = project.python(sign, **live(project)).partition(";")[0]
    read = f"""
from flask import session
from wsgi import app
app.add_url_rule("/get", "get", lambda: str(session.get("user")))
print(app.test_client(use_cookies=False).get("/get", headers={{"Cookie": {cookie!r}}}).text)
"""
    renewed = {"SECRET_KEY": "f" * 32}
    assert project.python(read, **live(project, **renewed)) == "None\n"
    for earlier in (f"{'e' * 32},{KEY}", json.dumps([KEY])):
        variables = live(project, SECRET_KEY_FALLBACKS=earlier, **renewed)
        assert project.python(read, **variables) == "ann\n"
    output = project.refused(
        "python", "-c", "import wsgi", **live(project, SECRET_KEY_FALLBACKS=f"{KEY},short")
    )
    assert "FALLBACKS" in output


SERVERS = (
    ("gunicorn", "wsgi:app", "--bind", "127.0.0.1:0"),
    ("python", "-c", "from wsgi import app"),
)


@only_sqlite
def test_a_forgotten_environment_does_not_serve_with_the_public_key(project: Project) -> None:
    key = setting(project, "SECRET_KEY")
    for command in SERVERS:
        output = project.refused(*command)
        assert f"ENVIRONMENT and {key} are not set" in output, command
    session = "from flask import session; session.update(a=1) or ''"
    made = f"""
from shop.app import create_app
app = create_app()
app.add_url_rule("/set", "set", lambda: exec({session!r}))
print(app.secret_key, app.test_client().get("/set").status_code)
"""
    assert project.python(made) == "None 500\n"
    # Commands and `flask run` are a developer's, unless something else is said.
    project.ok("alembic", "upgrade", "head")
    project.ok("flask", "db", "upgrade")
    with serving(project, "flask", "run", "--port", "{port}") as server:
        assert server.ask("/notes/").status == 200
    for environment in ("local", "development"):
        variables = {"ENVIRONMENT": environment, project.url_variable(environment): project.url}
        with serving(project, **variables) as server:
            assert server.ask("/notes/").status == 200
        assert not any("WARNING" in line for line in server.log)
    (project.path / ".env").write_text("ENVIRONMENT=development\n")
    project.python("import wsgi")


@only_sqlite
def test_what_is_not_set_is_warned_of_when_serving(project: Project) -> None:
    with serving(project, **{setting(project, "SECRET_KEY"): KEY}) as server:
        server.ask("/healthz")
    assert sum("ENVIRONMENT is not set" in line for line in server.log) == 1
    with serving(project, **live(project)) as server:
        server.ask("/healthz")
    hosts = f"{setting(project, 'TRUSTED_HOSTS')} is not set"
    assert sum(hosts in line for line in server.log) == 1


@only_sqlite
def test_urls_and_keys_come_from_mounted_files_too(project: Project, tmp_path: Path) -> None:
    url, key, owner = (tmp_path / name for name in ("url", "key", "owner"))
    url.write_text(f"{project.url}\n", encoding="utf-8-sig")
    named, project.url = project.url, ""
    key.write_text(f"{KEY}\n")
    names = {
        f"{project.url_variable('production')}_FILE": str(url),
        f"{setting(project, 'SECRET_KEY')}_FILE": str(key),
        "ENVIRONMENT": "production",
    }
    project.ok("alembic", "upgrade", "head", **names)
    printed = project.python("from wsgi import app; print(app.secret_key)", **names)
    assert printed.splitlines()[-1] == KEY
    doctor = project.ok("flask", "db", "doctor", **names)
    assert f"{project.url_variable('production')}_FILE in the environment" in doctor
    project.url = named
    assert "note" in project.tables()
    project.url = ""
    owner.write_text(f"sqlite:///{tmp_path}/owner.sqlite3")
    project.ok("alembic", "upgrade", "head", MIGRATION_DATABASE_URL_FILE=str(owner), **names)
    assert (tmp_path / "owner.sqlite3").exists()


@only_sqlite
def test_a_file_that_cannot_be_used_is_refused_in_a_line(project: Project, tmp_path: Path) -> None:
    bad, empty, good = (tmp_path / name for name in ("bad", "empty", "good"))
    bad.write_bytes(b"\xff\xfe")
    empty.write_text("\n")
    good.write_text(project.url)
    url, key = project.url_variable(), setting(project, "SECRET_KEY")
    for command, name, value, said in (
        (("alembic", "current"), url, str(good), f"{url} and {url}_FILE are both set"),
        (("python", "-c", "import wsgi"), key, str(good), f"{key} and {key}_FILE are both set"),
        (("alembic", "current"), "MIGRATION_DATABASE_URL", "postgresql://u:s3cr3t@h/d", "No such"),
        (("alembic", "current"), "MIGRATION_DATABASE_URL", str(tmp_path), "Is a directory"),
        (("alembic", "current"), "MIGRATION_DATABASE_URL", str(bad), "not UTF-8"),
        (("alembic", "current"), "MIGRATION_DATABASE_URL", str(empty), "is empty"),
    ):
        variables = {f"{name}_FILE": value}
        if name == key:
            variables[key] = KEY
        output = project.refused(*command, **variables)
        assert said in output
        assert name in output
        assert "s3cr3t" not in output


@only_sqlite
@pytest.mark.usefixtures("at_head")
def test_each_request_has_one_line_of_json_in_production(project: Project) -> None:
    with serving(project, **live(project, TRUSTED_HOSTS="127.0.0.1")) as server:
        server.ask("/notes/?token=s3cr3t", X_Request_ID="from-the-proxy.1")
        server.ask("/nowhere%0Aforged", "PUT", X_Request_ID="too short\r\n x"[:5])
        server.ask("/", Host="evil.example")
        server.ask("/notes/", "POST", b"text=s3cr3t")
    assert all(json.loads(line)["time"] for line in server.log)
    assert "s3cr3t" not in "".join(server.log)
    lines = requests(server)
    found = [(line["method"], line["path"], line["status"]) for line in lines]
    assert found == [
        ("GET", "/notes/", 200),
        ("PUT", "/nowhere%0Aforged", 404),
        ("GET", "/", 400),
        ("POST", "/notes/", 400),
    ]
    assert lines[0]["request_id"] == "from-the-proxy.1"
    for line in lines[1:]:
        assert re.fullmatch("[0-9a-f]{32}", str(line["request_id"]))
    assert all(isinstance(line["duration_ms"], float) for line in lines)


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_an_error_is_logged_with_the_requests_id_and_without_values(project: Project) -> None:
    project.sql(
        "CREATE UNIQUE INDEX one_of_each ON note (text)"
        if project.database != "mysql"
        else "ALTER TABLE note ADD UNIQUE (text)"
    )
    view = project.package / "views" / "notes.py"
    view.write_text(view.read_text().replace("form.validate()", "form.text.data"))
    app = project.package / "extensions.py"
    app.write_text(app.read_text().replace("    csrf.init_app(app)\n", ""))
    body, form = b"text=s3cr3t", {"Content_Type": "application/x-www-form-urlencoded"}
    with serving(project, **live(project)) as server:
        assert server.ask("/notes/", "POST", body, **form).status == 303
        failed = server.ask("/notes/", "POST", body, **form)
    assert failed.status == 500
    (error,) = [line for line in server.log if '"exception"' in line]
    assert json.loads(error)["request_id"] == failed.headers["X-Request-ID"]
    assert "IntegrityError" in json.loads(error)["exception"]
    assert "s3cr3t" not in "".join(server.log)


@only_sqlite
@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
def test_lines_are_for_people_in_development(project: Project) -> None:
    for command in ((), ("flask", "run", "--port", "{port}")):
        with serving(project, *command, ENVIRONMENT="development") as server:
            server.ask("/notes/?page=1", X_Request_ID="abcdefgh")
        lines = [line for line in server.log if "GET" in line]
        assert len(lines) == 1
        assert re.search(r" INFO GET /notes/ 200 \d+\.\d ms \[abcdefgh\]$", lines[0]), lines


@only_sqlite
@pytest.mark.strategies("env-var")
def test_seven_slow_clients_hold_up_nobody(project: Project) -> None:
    # In one process, which is the worst case: in more, they may all reach the same one.
    with (
        serving(project, ENVIRONMENT="development") as server,
        ExitStack() as s,
    ):
        for _ in range(7):
            s.enter_context(server.half_a_request())
        assert [server.ask("/healthz").status for _ in range(10)] == [200] * 10


@only_sqlite
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("home", ["/proc", "/nonexistent"])
def test_gunicorn_needs_no_home(project: Project, home: str) -> None:
    with serving(project, ENVIRONMENT="development", HOME=home) as server:
        assert server.ask("/healthz").status == 200
    assert not any("ERROR" in line or "WARNING" in line for line in server.log), server.log


@only_sqlite
@pytest.mark.strategies("env-var")
def test_gunicorn_starts_on_a_read_only_root(project: Project) -> None:
    # A mount namespace of its own, in which every file system but /dev/shm and /proc is read-only.
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no right to make a mount namespace")
    script = (
        "awk '$2 !~ \"^/(dev|proc|sys)\" {print $2}' /proc/mounts | tac"
        " | while read m; do mount -o remount,bind,ro $m 2>/dev/null; done;"
        " touch /tmp/x 2>/dev/null && exit 9;"
        " exec gunicorn wsgi:app --bind 127.0.0.1:{port}"
    )
    command = ("unshare", "--mount", "sh", "-c", script.replace("{print $2}", "{{print $2}}"))
    with serving(project, *command, ENVIRONMENT="development", HOME="/") as server:
        assert server.ask("/healthz").status == 200
    assert not any("ERROR" in line for line in server.log), server.log
