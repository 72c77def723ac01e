"""The warehouse of one workspace, built by dbt in this process: its inputs, its state and additional builds.

Belongs here: running dbt, what dbt reads, what the warehouse was made from, builds in temporary folders. Does not
belong here: SQL (`dbt/`), the science (`methodology`), editions (`publication`), and Dagster.
"""
