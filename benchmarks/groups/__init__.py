"""The comparisons: one module for each situation, with what its lines say in its docstring."""
