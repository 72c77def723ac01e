"""Benchmarks of the pipeline against hand-written floors, as ratios in one run.

Belongs here: what is timed and how results are written. Does not belong here: tests (nothing fails here) or product code.
"""
