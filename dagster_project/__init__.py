"""Orchestration: assets, checks, partitions, resources, jobs, schedules, sensors.

Belongs here: wiring, and the order of steps. Does not belong here: any work on data; each asset calls a room.
"""
