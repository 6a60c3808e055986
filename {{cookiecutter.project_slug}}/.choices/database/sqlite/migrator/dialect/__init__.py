"""All that depends on the database: SQLite."""
