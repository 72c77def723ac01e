"""The science: pure functions on arrays and small tables, and versioned parameters as data.

Does not belong here: files other than this room's own parameters, databases, other rooms, clocks, random seeds of its own.
"""
