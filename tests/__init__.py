"""The template's tests: projects are generated and used as people would."""
