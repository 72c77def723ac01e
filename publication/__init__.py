"""Publishing editions: how one is made, hashed, sealed and checked, and what is made from it.

Belongs here: editions and their ledger, differences, access rules, documents, packs, traces. Does not belong here:
computing any score (`dbt`, `methodology`), web pages, Dagster.
"""
