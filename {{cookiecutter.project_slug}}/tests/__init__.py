"""The tests run on a separate database, which the migrations build."""
