"""What a revision does, found by running it on a throw-away database. Nothing that serves imports it."""
