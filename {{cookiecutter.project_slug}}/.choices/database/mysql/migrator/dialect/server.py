"""What the MySQL or MariaDB server says about itself: its version, its role, and its sessions."""

import shlex

import pymysql
from pymysql.constants import ER
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from ..limits import lock_timeout
from . import attempt

earlier_attempt = attempt.earlier_attempt
# The driver's `__version__` is that of a driver that it stands in for.
DRIVER = f"PyMySQL {pymysql.VERSION_STRING}"

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
    name = version if "MariaDB" in version else f"MySQL {version}"
    return name + ", in a cluster" * is_cluster(connection)


def is_cluster(connection: Connection) -> bool:
    """Return whether the server is a node of Galera's or of a replication group."""
    return connection.execute(_CLUSTER).first() is not None


_CLUSTER = text("""
    SHOW GLOBAL VARIABLES WHERE Variable_name = 'wsrep_on' AND Value = 'ON'
    OR Variable_name = 'group_replication_group_name' AND Value <> ''
""")
# What speaks MySQL's protocol without its locks, by a part of what the server calls itself.
_OTHERS = {"tidb": "TiDB", "vitess": "Vitess", "planetscale": "PlanetScale (Vitess)"}


def unsupported(connection: Connection) -> str:
    """Return why this server cannot be migrated, whatever its state; empty when it can."""
    names = text("SELECT CONCAT(VERSION(), ' ', @@version_comment)")
    return why_unsupported(str(connection.scalar(names)))


def why_unsupported(version: str) -> str:
    """Return why a server is not migrated that calls itself `version`; empty when it is."""
    for part, name in _OTHERS.items():
        if part in version.lower():
            return (
                f"The server is {name}, whose locks are not those of MySQL: two migrations could"
                " run at once. This project is for MySQL and MariaDB."
            )
    return ""


def is_unwanted_standby(connection: Connection) -> bool:
    """Return whether the server is a replica or a secondary, which is set to be read only."""
    # MariaDB 12 has more values than the two.
    return str(connection.scalar(text("SELECT @@GLOBAL.read_only"))) not in ("0", "OFF")


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


def denial(error: DBAPIError, url: URL) -> str:
    """Return why the user may not do that, and what to do; nothing if that is not the error."""
    if error.orig is None or error.orig.args[0] not in _DENIED:
        return ""
    # The rest of what a server says is where in the statement it was.
    reason = str(error.orig.args[-1]).splitlines()[0]
    return (
        f"The database does not let its user migrate: {reason}. Set MIGRATION_DATABASE_URL to the"
        " URL of a user who may."
    )


def next_step(url: URL, error: str) -> str:
    """Return a command that shows or mends why the server cannot be used.

    Args:
        url: the database.
        error: what the driver says.
    """
    server = f"-h {shlex.quote(url.host or 'localhost')} -P {url.port or 3306}"
    user = f" -u {shlex.quote(url.username)} -p" if url.username else ""
    if "Unknown database" in error:
        return f"mysqladmin {server}{user} create {shlex.quote(url.database or '')}"
    if "Access denied" in error:
        # It asks for the password.
        return f"mysql {server}{user} {shlex.quote(url.database or '')}"
    return f"mysqladmin {server} ping"
