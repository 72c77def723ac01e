"""Simulation of invented agencies with known true scores, at any size: the demo, the tests and the perf data.

Belongs here: drawing a world, the files its bodies would deliver, and the truth about them. Does not belong here:
reading or judging such files; nothing in the product imports this room except the command line.
"""
