"""One agency's data never stop the others: who fails is left out, named, and the rest is computed as if it had not delivered.

Belongs here: finding the agencies with whose rows a function raises. Does not belong here: what a method makes of bad data (a
status with a reason, in `methodology`), and what is read and written (`relations`).
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

Frames = Mapping[str, pd.DataFrame]
Make = Callable[..., pd.DataFrame]
AGENCY = "agency_id"
LOGGER = logging.getLogger(__name__)


def made_without_failing(make: Make, frames: Frames, **same: object) -> tuple[pd.DataFrame, list[str]]:
    """What `make` computes from the frames (by name), and the agencies without whose rows it had to be computed, in order.

    The second is empty unless `make` raises. Then the fewest agencies are looked for without whom it does not; rows of no
    agency stay. Raises what `make` raised where that is not a few agencies' fault: where at least half of them
    would have to go it is the method.
    """
    try:
        return make(**frames, **same), []
    except Exception as error:
        agencies = agencies_of(frames)

        def passes(some: Sequence[str]) -> bool:
            try:
                make(**_of(frames, some), **same)
            except Exception:
                return False
            return True

        failing = _at_fault(passes, agencies)
        if not failing or 2 * len(failing) >= len(agencies):
            raise
        # The message could hold data; its type does not.
        LOGGER.warning("%s could not be computed (%s)", ", ".join(failing), type(error).__name__)
        return make(**_of(frames, _without(agencies, failing)), **same), failing


def agencies_of(frames: Frames) -> list[str]:
    """The agencies of all frames, sorted."""
    named = [frame[AGENCY].dropna().astype(str) for frame in frames.values() if AGENCY in frame]
    return sorted({name for names in named for name in names.unique()})


def _at_fault(passes: Callable[[Sequence[str]], bool], agencies: Sequence[str]) -> list[str]:
    """The agencies whose absence lets it pass, none of whom can be put back; none where no such are found."""
    failing = _without(agencies, _together(passes, [], agencies))
    for name in list(failing):
        fewer = _without(failing, [name])
        if passes(_without(agencies, fewer)):
            failing = fewer
    if len(failing) < len(agencies):
        return failing
    # Where methods compare agencies nobody passes alone: whose absence is enough?
    return [name for name in agencies if passes(_without(agencies, [name]))][:1]


def _together(passes: Callable[[Sequence[str]], bool], kept: Sequence[str], some: Sequence[str]) -> list[str]:
    """Those kept and as many more as pass with them, by halves: of two that fail together only, the later is left out."""
    if not some or passes([*kept, *some]):
        return [*kept, *some]
    if len(some) == 1:
        return list(kept)
    middle = len(some) // 2
    return _together(passes, _together(passes, kept, some[:middle]), some[middle:])


def _without(agencies: Sequence[str], some: Sequence[str]) -> list[str]:
    left_out = set(some)
    return [name for name in agencies if name not in left_out]


def _of(frames: Frames, agencies: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The frames with rows of those agencies and of none only."""
    return {
        name: frame[frame[AGENCY].isna() | frame[AGENCY].isin(agencies)].reset_index(drop=True)
        if AGENCY in frame
        else frame
        for name, frame in frames.items()
    }
