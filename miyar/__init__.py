"""Settings, shared vocabulary (periods, ids, errors, registry) and the `miyar` command.

Belongs here: words every room uses, and the command line. Does not belong here: any work on data.
"""

import os

# Set before NumPy is imported: beside the engine's threads, its own wait busily for each other and take twice the time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
