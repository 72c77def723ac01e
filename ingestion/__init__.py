"""From any provider's bytes to typed canonical rows: contracts, readers, mapping, calendars, pseudonyms, the ledger.

Does not belong here: rules about whether values are acceptable (`expectations`), anything Dagster, any agency's name.
"""
