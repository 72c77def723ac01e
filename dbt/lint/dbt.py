"""For sqlfluff only: dbt's cross-database macros without a database. Nothing that runs imports this."""


def type_string() -> str:
    return "varchar"
