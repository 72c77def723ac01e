"""Is a submission acceptable? Suites per feed as data, the Great Expectations runner, the split into accepted and quarantine.

Does not belong here: parsing (`ingestion`), tests of tables (`dbt`), anything Dagster.
"""
