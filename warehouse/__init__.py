"""The warehouse of one workspace: built by dbt in this process, its inputs and its state.

Belongs here: running dbt, what dbt reads, what the warehouse was made from, builds beside it. Does not belong here: SQL
(`dbt/`), the science (`methodology`), editions (`publication`), and Dagster.
"""
