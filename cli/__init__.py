"""The command line, which may import every other package.

Belongs here: commands, their arguments, and how results look on a terminal. Does not belong here: any work; each
command calls one room.
"""
