"""For sqlfluff only: dbt's `adapter` without a database. Nothing that runs imports this."""


def get_relation(database: str, schema: str, identifier: str) -> str:
    """Return the relation as if it existed, so that both branches of a model's Jinja can be linted."""
    return identifier
