"""The machinery that makes migrations safe. Updates of the template replace it: do not edit it."""
