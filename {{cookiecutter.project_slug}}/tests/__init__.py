"""The tests: on a database of their own, built by the migrations."""
