"""What autogenerate looks at, how it compares, and what it writes."""
