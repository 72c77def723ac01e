"""Invented personal data for landing files: numbers, names, phones and comments that belong to nobody.

Belongs here: text of personal columns. Does not belong here: how it is handled (ingestion drops or pseudonymises it).
"""

import numpy as np

from simulation.survey import Array

FIRST = ("سالم", "نورة", "فهد", "ريم", "خالد", "هند", "ماجد", "لمى")
LAST = ("التجريبي", "الافتراضي", "المثالي", "النموذجي")
COMMENTS = (
    "",
    "",
    "الخدمة سريعة وواضحة",
    "شكراً لكم، كل شيء كان ممتازاً",
    "Waited too long, nobody explained why",
    "الموقع توقف عند الدفع",
    "لا يوجد",
    "Staff were kind, the form was not",
)


def national_ids(person: Array, is_national: Array) -> Array:
    """Ten digits as on an identity card, with a valid check digit; derived from a person's number, so repeats repeat."""
    body = (person.astype(np.int64) * 7_368_787 + 12_345) % 100_000_000
    nine = np.where(is_national, 1, 2) * 100_000_000 + body
    total = np.zeros(len(nine), dtype=np.int64)
    for position in range(9):
        digit = nine // 10 ** (8 - position) % 10
        doubled = digit * 2
        total += np.where(doubled > 9, doubled - 9, doubled) if position % 2 == 0 else digit
    return np.array([str(number) for number in nine * 10 + (10 - total % 10) % 10], dtype=object)


def filled(kind: str, person: Array, is_national: Array, random: np.random.Generator) -> Array:
    """A column of one kind of personal or useless text."""
    n = len(person)
    if kind == "national_id":
        return national_ids(person, is_national)
    if kind == "name":
        pairs = [f"{first} {last}" for first in FIRST for last in LAST]
        return np.asarray(np.array(pairs, dtype=object)[person % len(pairs)])
    if kind == "phone":
        return np.array([f"05{number:08d}" for number in (person * 977_351 + 4_321) % 100_000_000], dtype=object)
    if kind == "email":
        return np.array([f"user{number}@example.org" for number in person], dtype=object)
    if kind == "comment":
        return np.asarray(np.array(COMMENTS, dtype=object)[random.integers(0, len(COMMENTS), n)])
    if kind == "device":
        return np.array([f"{number:08x}" for number in random.integers(0, 2**32, n)], dtype=object)
    raise ValueError(f"unknown kind of filling {kind!r}")
