"""URLs as they may be printed."""

from sqlalchemy import URL


def masked(url: URL) -> str:
    """Return `url` without its password, which the query can hold too."""
    secrets = [name for name in url.query if "pass" in name.lower()]
    return url.difference_update_query(secrets).render_as_string(hide_password=True)
