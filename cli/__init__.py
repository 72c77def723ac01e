"""The command line: the roof of the house.

Belongs here: commands, their arguments, and how results look on a terminal. Does not belong here: any work; each command calls
one room.
"""
