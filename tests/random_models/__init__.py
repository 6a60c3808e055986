"""Random models and random changes to them, taken through a generated project's migrations.

`schemas.py` draws them and writes them as a module of models; `life.py` runs in the project, from
autogenerate to the downgrade to base; `trial.py` puts the two together. By hand, with any number:
`python -m tests.random_models --database sqlite --examples 200 --seed 1`.
"""
