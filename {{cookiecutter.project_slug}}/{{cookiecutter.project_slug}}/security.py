"""What protects the app: its headers, hosts and proxies, and the key that signs its cookies."""

import json
from typing import TYPE_CHECKING, Any

from flask import Flask, Response
from migrator.errors import SettingsError
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from .config import Local
from .serving import is_flask_command
from .settings import is_live, is_stated
from .sources import PREFIX

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not no-referrer: over HTTPS, Flask-WTF asks a form's request for its origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PROBES = ("/healthz", "/readyz")
# 128 bits, as hexadecimal digits.
SHORTEST_KEY = 32
MAKE_A_KEY = "make one with `python -c 'import secrets; print(secrets.token_hex())'`"


def init_app(app: Flask) -> None:
    """Add headers to every answer, and trust the configured hosts and proxies alone.

    Raises:
        SettingsError: `TRUSTED_HOSTS`, `TRUSTED_PROXIES` or `SECRET_KEY_FALLBACKS` is wrong.
    """
    config = app.config
    is_development = config["TESTING"] or is_stated() or is_flask_command()
    if config["SECRET_KEY"] == Local.SECRET_KEY and not is_development:
        # Perhaps production, where ENVIRONMENT was forgotten: everybody knows this key.
        config["SECRET_KEY"] = None
    for name in ("SECRET_KEY_FALLBACKS", "TRUSTED_HOSTS"):
        if config[name] is not None:
            config[name] = texts(config[name], PREFIX + name)
    wsgi_app: WSGIApplication = app.wsgi_app
    if config["TRUSTED_HOSTS"]:
        wsgi_app = trust_probes(wsgi_app, config["TRUSTED_HOSTS"][0].removeprefix("."))
    proxies = str(config["TRUSTED_PROXIES"]).strip()
    if not proxies.isdecimal():
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES is {proxies!r}; set it to a number.")
    if int(proxies):
        wsgi_app = ProxyFix(wsgi_app, x_for=int(proxies), x_proto=int(proxies))
    app.wsgi_app = wsgi_app  # type: ignore[assignment, method-assign]
    headers = dict(HEADERS)
    if config["SESSION_COOKIE_SECURE"]:
        # The app is then served over HTTPS only.
        headers["Strict-Transport-Security"] = f"max-age={365 * 24 * 60 * 60}"

    def add_headers(response: Response) -> Response:
        for name, value in headers.items():
            # A view may have set one itself.
            response.headers.setdefault(name, value)
        return response

    app.after_request(add_headers)
    app.register_error_handler(SecurityError, refuse_host)


def texts(value: object, name: str) -> list[str]:
    """Return a setting that is a list: as such, as JSON, or as a text with commas.

    Args:
        value: the setting.
        name: what it is called in an error, which never repeats `value`.

    Raises:
        SettingsError: it is none of these, or a text in it is empty.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.startswith("[") else value.split(",")
        except ValueError:
            value = None
    given: list[Any] = list(value) if isinstance(value, list | tuple) else [None]
    if not all(isinstance(text, str) and text.strip() for text in given):
        raise SettingsError(f"{name} must be one text, or several with commas between them.")
    return [str(text).strip() for text in given]


def trust_probes(wsgi_app: "WSGIApplication", host: str) -> "WSGIApplication":
    """Return `wsgi_app` with `host` as the host of a probe, which asks by a number."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] in PROBES:
            environ["HTTP_HOST"] = host
        return wsgi_app(environ, start_response)

    return answer


def refuse_host(error: SecurityError) -> tuple[str, int, dict[str, str]]:
    """Answer a request for a host that is not trusted, in which no URL can be built."""
    return "This host is not served here.\n", 400, {"Content-Type": "text/plain"}


def check(app: Flask) -> None:
    """Refuse to serve `app` with an unsafe key, and warn of what is not set.

    Raises:
        SettingsError: a key is missing, of the wrong type or short.
    """
    name = f"{PREFIX}SECRET_KEY"
    key = app.config["SECRET_KEY"]
    if key is None and not is_stated():
        raise SettingsError(
            f"ENVIRONMENT and {name} are not set; on your own machine, set ENVIRONMENT to"
            f" development. Elsewhere, set it to production, and {name} too; {MAKE_A_KEY}."
        )
    if key is None:
        raise SettingsError(f"{name} is not set; {MAKE_A_KEY}.")
    keys = app.config["SECRET_KEY_FALLBACKS"] or []
    if key != Local.SECRET_KEY or is_live():
        keys = [key, *keys]
    if not all(isinstance(key, str | bytes) and len(key) >= SHORTEST_KEY for key in keys):
        raise SettingsError(
            f"{name} and its FALLBACKS must be texts of at least {SHORTEST_KEY} characters, and"
            f" not numbers; {MAKE_A_KEY}."
        )
    if not is_stated() and not is_flask_command():
        app.logger.warning(
            "ENVIRONMENT is not set, so it is development: cookies go over plain HTTP too."
        )
    if is_live() and not app.config["TRUSTED_HOSTS"]:
        app.logger.warning("%sTRUSTED_HOSTS is not set: every Host header is believed.", PREFIX)
