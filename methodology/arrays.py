"""Types of the arrays that functions of this room take and give.

Belongs here: names for types used by several modules. Does not belong here: any function.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Intervals = tuple[Floats, Floats]
