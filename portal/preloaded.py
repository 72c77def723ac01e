"""What the check of a file's fork server imports once: seconds that no check has to wait for again.

Belongs here: imports. Does not belong here: anything that starts a thread or opens a file.
"""

import os

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations
import great_expectations.expectations

import expectations.check
import warehouse.check_scores

__all__ = ["expectations", "great_expectations", "warehouse"]
