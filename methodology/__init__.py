"""The science: pure functions on arrays and small tables, and versioned parameters as data.

Does not belong here: files other than this package's own parameters, databases, other packages, clocks, random seeds of its own.
"""
