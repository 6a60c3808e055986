"""Models with one of everything, and changes of a table that autogenerate has to see."""
