"""Imports that the fork server loads once, which saves every check of a file some seconds.

Belongs here: imports. Does not belong here: anything that starts a thread or opens a file.
"""

import expectations.check
import warehouse.check_scores

__all__ = ["expectations", "warehouse"]
