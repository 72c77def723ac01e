"""Drawn texts with known personal data: numbers as people type them, names of many origins, and numbers that are nobody's.

Belongs here: invented values and the ways in which people write them. Does not belong here: what finds them, words and
sentences (`words.yml`, `written.yml`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

Random = np.random.Generator
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WORDS: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "words.yml").read_text("utf-8"))


@dataclass(frozen=True)
class Text:
    """A text and the kinds of personal data in it; `origin` says where it comes from."""

    text: str
    kinds: frozenset[str]
    origin: str = "drawn"


def _pick(random: Random, options: Sequence[str]) -> str:
    return options[int(random.integers(len(options)))]


def _digits(random: Random, count: int) -> str:
    return "".join(str(digit) for digit in random.integers(0, 10, count))


def with_luhn(body: str) -> str:
    """The digits with the check digit of ISO/IEC 7812-1 behind them."""
    total = 0
    for place, char in enumerate(reversed(body)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return body + str(-total % 10)


def _grouped(text: str, sizes: tuple[int, ...], mark: str) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return mark.join([*parts, text[at:]]) if text[at:] else mark.join(parts)


def _national_id(random: Random) -> str:
    number = with_luhn(_pick(random, ("1", "2")) + _digits(random, 8))
    way = int(random.integers(10))
    if way < 7:
        return number
    return _grouped(number, ((3, 3, 4), (4, 3, 3), (1, 3, 3, 3), (2, 2, 2, 2, 2))[way % 4], _pick(random, (" ", "-")))


def _phone(random: Random) -> str:
    if random.random() < 0.12:
        return _grouped(
            "01" + str(random.integers(1, 8)) + _digits(random, 7),
            ((10,), (3, 7), (3, 3, 4))[int(random.integers(3))],
            " ",
        )
    if random.random() < 0.1:
        return (
            _pick(random, ("+44 20 7946 0", "+20 10 0", "+971 50 ", "+1 (202) 555-0", "+91 98765 4"))
            + _digits(random, 6)[:5]
        )
    own = "5" + _digits(random, 8)
    prefix = _pick(random, ("0", "0", "0", "+966", "00966", "966", "+966 ", "(+966) ", "+966-", ""))
    mark = _pick(random, ("", "", " ", "-", "."))
    return prefix + _grouped(own, ((9,), (2, 3, 4), (2, 7), (3, 3, 3))[int(random.integers(4))], mark)


def _iban(random: Random) -> str:
    country, length = (("SA", 24), ("AE", 23), ("GB", 22), ("DE", 22), ("EG", 29), ("KW", 30))[int(random.integers(6))]
    body = _digits(random, length - 4) if country != "GB" else "NWBK" + _digits(random, 14)
    spelled = "".join(str(int(char, 36)) for char in body + country + "00")
    iban = f"{country}{98 - int(spelled) % 97:02d}{body}"
    way = int(random.integers(4))
    return iban if way == 0 else iban.lower() if way == 1 else _grouped(iban, (4,) * (length // 4), " -"[way % 2])


def _email(random: Random) -> str:
    user = _pick(random, ("nora", "m.ali", "abu_fahd", "info+spam", "j-smith", "user")) + _digits(random, 2)
    host = _pick(random, ("example.com", "mail.example.org", "example.com.sa", "EXAMPLE.NET"))
    return f"{user}{_pick(random, ('@', '@', '@', ' @ ', '(at)', ' at '))}{host}"


def _card(random: Random) -> str:
    amex = random.random() < 0.15
    start = _pick(random, ("34", "37") if amex else ("4", "51", "5588", "62", "2223"))
    number = with_luhn(start + _digits(random, (14 if amex else 15) - len(start)))
    sizes = (4, 6, 5) if amex else (4, 4, 4, 4)
    return _grouped(number, sizes, _pick(random, ("", " ", "-")))


def _passport(random: Random) -> str:
    number = _pick(random, ("A", "N", "P", "BR", "")) + _digits(random, 8)
    return _pick(
        random,
        ("رقم الجواز {}", "passport no. {}", "جواز سفري {}", "Passport: {}", "جواز {}", "passport {} expired", "{}"),
    ).format(number)


def _plate(random: Random) -> str:
    number = str(random.integers(1, 10_000))
    if random.random() < 0.6:
        letters = [_pick(random, tuple("ابحدرسصطعقكلمنهوى")) for _ in range(3)]
        joined = _pick(random, (" ", " ", "")).join(letters)
        return _pick(random, ("{} {}", "لوحة {} {}", "سيارتي {} {}")).format(joined, number)
    letters = [_pick(random, tuple("ABJDRSXTEGKLZNHUV")) for _ in range(3)]
    joined = _pick(random, (" ", "", "")).join(letters)
    return _pick(random, ("{1} {0}", "{0} {1}", "plate {0} {1}", "car plate number {1}{0}")).format(joined, number)


def _address(random: Random) -> str:
    short = "".join(_pick(random, tuple("ABCDEFGHJKLMNRSTY")) for _ in range(4)) + _digits(random, 4)
    house, post, more = str(random.integers(1, 9000)), "1" + _digits(random, 4), _digits(random, 4)
    street, quarter = (
        _pick(random, ("العليا", "التحلية", "الأمير سلطان", "الثمانين")),
        _pick(random, ("النرجس", "الياسمين", "الصفا")),
    )
    return _pick(
        random,
        (
            f"العنوان الوطني {short}",
            f"my national address is {short}",
            short,
            f"{house} شارع {street}، حي {quarter} {post}-{more}",
            f"شارع {street}، مبنى {house}",
            f"حي {quarter} شارع {street} فيلا {house}",
            f"ص.ب {house} الرمز {post}",
            f"P.O. Box {house}",
            f"{house} Maple Avenue",
            f"Villa {house}, Olaya Street",
            f"شقة {house} - شارع {street}",
            f"أسكن في حي {quarter} شارع {street} رقم {house}",
        ),
    )


def _sexagesimal(degrees: float) -> str:
    return f"{int(degrees)}°{int(degrees * 60) % 60}'{degrees * 3600 % 60:.1f}\""


def _coordinates(random: Random) -> str:
    north, east = random.uniform(17, 31), random.uniform(36, 54)
    if random.random() < 0.25:
        return f"{_sexagesimal(north)}N {_sexagesimal(east)}E"
    decimals = int(random.integers(4, 7))
    return f"{north:.{decimals}f}{_pick(random, (', ', ',', ' ', ' / '))}{east:.{decimals}f}"


def _name(random: Random) -> str:
    if random.random() < 0.55:
        given, family = _pick(random, WORDS["given_ar"]), _pick(random, WORDS["family_ar"])
        father = _pick(random, WORDS["given_ar"][:13])
        between = _pick(random, ("", "", f" بن {father}", f" {father}"))
        return f"{given}{between} {family}"
    given, family = _pick(random, WORDS["given_en"]), _pick(random, WORDS["family_en"])
    whole = f"{given} {family}"
    return whole if random.random() < 0.85 else whole.lower()


KINDS: dict[str, Callable[[Random], str]] = {
    "national_id": _national_id,
    "phone": _phone,
    "iban": _iban,
    "email": _email,
    "card": _card,
    "passport": _passport,
    "plate": _plate,
    "address": _address,
    "coordinates": _coordinates,
    "name": _name,
}


def _nobodys(random: Random) -> str:
    """Numbers, codes and names of places in the same columns that are no personal data."""
    if random.random() < 0.4:
        return _pick(random, WORDS["places_and_phrases"])
    year, month, day = random.integers(2019, 2027), random.integers(1, 13), random.integers(1, 29)
    number, code = _digits(random, int(random.integers(4, 10))), _pick(random, ("CRM", "SRV", "REQ", "INC", "TKT"))
    return _pick(
        random,
        (
            f"{year}-{month:02d}-{day:02d}",
            f"{day}/{month}/{year} 10:{day:02d}",
            f"order {number}",
            f"طلب رقم {number}",
            f"{code}-{year}-{number}",
            f"{_digits(random, 5)}-{year}",
            f"case {_digits(random, 5)}-{_digits(random, 4)}",
            f"INC{_digits(random, 10)}",
            f"رقم المعاملة {_digits(random, 12)}",
            f"دفعت {random.integers(10, 90_000):,} ريال",
            f"SAR {random.uniform(1, 9999):.2f}",
            f"انتظرت {day} دقيقة في المبنى {month}",
            f"counter {day}, hall {month}",
            f"شباك {day}",
            f"version {month}.{day}.{year}",
            f"{day}.{month}%",
            f"المادة {day} من نظام {year}",
            f"error {_digits(random, 4)}-{_digits(random, 3)}",
            f"{_digits(random, 3)}-{_digits(random, 2)}-{_digits(random, 4)}",
            f"ticket {_pick(random, ('A', 'B'))}{day:03d}",
            f"من {year} حتى {year + 1}",
            f"حال {day}",
            f"{code}{_digits(random, 4)}",
            f"form {_digits(random, 5)}",
            f"رقم الفاتورة {_digits(random, 11)}",
            f"{random.uniform(1, 5):.4f}",
            f"RUN {year}",
            f"VAT {random.integers(5, 16)}%",
            f"{year}{month:02d}{day:02d}{_digits(random, 6)}",
            f"https://example.gov/service?id={number}",
            f"الدور {month} غرفة {day}",
            f"Q{month % 4 + 1} {year}",
            f"{month} من {day}",
            f"ISO 9001:{year}",
        ),
    )


def texts(seed: int, each: int) -> list[Text]:
    """`each` texts of every kind, in either kind of digits, and as many that hold nothing as all kinds together."""
    random = np.random.default_rng(seed)
    found = []
    for kind, make in KINDS.items():
        for _ in range(each):
            value = make(random)
            if random.random() < 0.25 and kind not in ("iban", "email", "passport"):
                value = value.translate(ARABIC)
            found.append(
                Text(
                    _pick(random, WORDS["named"] if kind == "name" else WORDS["sentences"]).format(value),
                    frozenset({kind}),
                )
            )
    for _ in range(each * len(KINDS)):
        value = _nobodys(random)
        found.append(Text(value.translate(ARABIC) if random.random() < 0.25 else value, frozenset()))
    return found
