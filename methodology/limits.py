"""The two control limits of funnels and special causes, in standard deviations of a normal.

Belongs here: the limits' values, which formulas and pictures share. Does not belong here: what is compared with them
(`special_causes`, `funnels`).
"""

# Two-sided 95 % and 99.8 %: warning and action limit (Spiegelhalter 2005).
WARNING_Z = 1.959964
ACTION_Z = 3.090232
