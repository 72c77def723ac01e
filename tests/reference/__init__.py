"""Results of independent software, and the adapters that compute the same with `methodology`."""
