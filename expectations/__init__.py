"""Whether a submission is acceptable: suites per feed as data, intake, and Great Expectations over the lake.

Does not belong here: parsing (`ingestion`), tests of tables (`dbt`), anything Dagster.
"""
