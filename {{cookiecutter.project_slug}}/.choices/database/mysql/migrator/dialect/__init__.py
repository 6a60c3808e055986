"""All that depends on the database: MySQL and MariaDB."""
