"""Editions: built aside, checked, hashed, made read-only, renamed into place; differences, packs, traces.

Does not belong here: computing of any score (`dbt`, `methodology`), web pages, Dagster.
"""
