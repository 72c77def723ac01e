"""Settings, shared vocabulary (periods, ids, errors, registry) and the `miyar` command.

Belongs here: words every room uses, and the command line. Does not belong here: any work on data.
"""
