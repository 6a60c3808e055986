"""The application; importing it costs nothing, so that migrations need not import Flask."""
