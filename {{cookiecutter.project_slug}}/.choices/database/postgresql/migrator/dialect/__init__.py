"""All that depends on the database: PostgreSQL."""
