"""Results of independent software, and the adapters that ask `methodology` for the same."""
