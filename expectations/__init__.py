"""Whether a submission is acceptable: suites per feed as data, the Great Expectations runner, accepted rows and quarantine.

Does not belong here: parsing (`ingestion`), tests of tables (`dbt`), anything Dagster.
"""
