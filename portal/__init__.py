"""The agencies' web pages and their JSON API, over published editions.

Belongs here: signing in, sessions, what a reader is shown, pages and their words. Does not belong here: who may read
which rows (`publication.access`), any figure (`dbt`, `methodology`), Dagster.
"""
