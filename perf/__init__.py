"""Benchmarks of the pipeline against a hand-written floor and against pandas, as ratios in one run.

Belongs here: what is timed and how results are written. Does not belong here: tests (nothing fails here) or product code.
"""
