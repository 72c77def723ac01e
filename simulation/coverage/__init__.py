"""Proof by simulation: worlds whose truth is known, the product's own functions on what they give, how often they are right.

Belongs here: studies that draw worlds and count, one module each; the table of their findings. Does not belong here: the
methods themselves (`methodology`), the demo's invented agencies (`simulation.world`), and files anybody reads but the
evidence that `python -m simulation.coverage` writes.
"""
