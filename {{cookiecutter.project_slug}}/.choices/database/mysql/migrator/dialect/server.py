"""What the MySQL or MariaDB server says about itself: its version, and its sessions."""

import shlex

import pymysql
from pymysql.constants import ER
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from ..limits import lock_timeout

DRIVER = f"PyMySQL {pymysql.__version__}"

# Whoever has read a table in a transaction holds a metadata lock on it until the transaction
# ends, and whoever waits for such a lock makes all others queue.
_BLOCKING = text("""
    SELECT CONCAT_WS(', ', CONCAT('connection ', id), CONCAT('user ', user),
                     CONCAT('from ', host), LOWER(command), NULLIF(state, ''),
                     CONCAT('in a transaction since ', trx_started))
    FROM information_schema.processlist
    LEFT JOIN information_schema.innodb_trx ON trx_mysql_thread_id = id
    WHERE db = DATABASE() AND id <> CONNECTION_ID()
      AND (state LIKE '%metadata lock%' OR trx_started IS NOT NULL AND command = 'Sleep'
           OR trx_started < NOW() - INTERVAL :seconds SECOND)
    ORDER BY trx_started
""")

# 0 stands for no limit of the user's.
_MOST_CONNECTIONS = text("""
    SELECT LEAST(@@max_connections, COALESCE(NULLIF(@@max_user_connections, 0), @@max_connections))
""")

_DENIED = {
    ER.DBACCESS_DENIED_ERROR,
    ER.TABLEACCESS_DENIED_ERROR,
    ER.COLUMNACCESS_DENIED_ERROR,
    ER.SPECIFIC_ACCESS_DENIED_ERROR,
}


def server_version(connection: Connection) -> str:
    """Return the server's name and version."""
    version = str(connection.scalar(text("SELECT VERSION()")))
    return version if "MariaDB" in version else f"MySQL {version}"


def most_connections(connection: Connection) -> int | None:
    """Return how many connections this user may have, all its others included."""
    most: int = connection.scalar(_MOST_CONNECTIONS)
    return most


def blocking_sessions(connection: Connection) -> list[str]:
    """Return a line for each session that a migration would wait for in vain.

    These have a transaction open and do nothing, or have had it open for longer than
    `MIGRATION_LOCK_TIMEOUT`, or wait for a table's metadata lock themselves.
    """
    return list(connection.scalars(_BLOCKING, {"seconds": lock_timeout()}))


def is_denied(error: DBAPIError) -> bool:
    """Return whether the server refused a statement because the user may not do that."""
    return error.orig is not None and error.orig.args[0] in _DENIED


def ping_command(url: URL) -> str:
    """Return a command that shows whether the server answers."""
    host, port = url.host or "localhost", url.port or 3306
    return f"mysqladmin -h {shlex.quote(host)} -P {port} ping"
