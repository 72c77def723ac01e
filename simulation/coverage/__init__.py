"""Proof by simulation: worlds with known truth, the product's own functions applied to them, and how often these are right.

Belongs here: studies that draw worlds and count, one module each; the table of their findings. Does not belong here:
the methods themselves (`methodology`), the demo's invented agencies (`simulation.world`), and files other than the
evidence that `python -m simulation.coverage` writes.
"""
