"""Imports that the fork server loads once, which saves every check of a file some seconds.

Belongs here: imports. Does not belong here: anything that starts a thread or opens a file.
"""

import os

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations
import great_expectations.expectations

import expectations.check
import warehouse.check_scores

__all__ = ["expectations", "great_expectations", "warehouse"]
