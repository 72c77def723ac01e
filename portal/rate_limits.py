"""How often somebody may ask: token buckets by name, refilled evenly over a minute.

Belongs here: counting. Does not belong here: who is counted and what is answered (`middleware`).

Libraries for this read the system's clock themselves; here the clock is passed in, as everywhere in this project.
"""

from threading import Lock

from portal.sessions import Clock

MOST_BUCKETS = 20_000


class RateLimits:
    """One bucket per key; a new key starts with a full one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = Lock()
        self._swept_at = 0.0

    def seconds_to_wait(self, key: str, per_minute: int) -> int:
        """Take one token and return 0, or return how long until there is one."""
        now = self._clock().timestamp()
        with self._lock:
            left, then = self._buckets.get(key, (float(per_minute), now))
            left = min(per_minute, left + max(0.0, now - then) * per_minute / 60)
            if left < 1:
                self._buckets[key] = (left, now)
                return max(1, round((1 - left) * 60 / per_minute))
            self._buckets[key] = (left - 1, now)
            if len(self._buckets) > MOST_BUCKETS and now - self._swept_at >= 60:
                self._swept_at = now
                # Buckets untouched for a minute are full again, so forgetting them changes nothing.
                self._buckets = {one: state for one, state in self._buckets.items() if now - state[1] < 60}
        return 0
