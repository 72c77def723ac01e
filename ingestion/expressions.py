"""A small closed language over source columns: sums, differences, products, ratios, joined texts, cases and offsets of dates.

Belongs here: its model, its meaning, and SQL of it. Does not belong here: typing of what it gives (`mapping`), which reads the
text as if it had stood in the file.
"""

from collections.abc import Callable
from typing import Union

from pydantic import Field, model_validator

from ingestion import values
from ingestion.formats import ContractModel
from miyar import sql

Texts = Callable[[str], str]
_ARITHMETIC = {"sum": " + ", "difference": " - ", "product": " * "}


class Text(ContractModel):
    """A text that stands for itself."""

    text: str


Part = Union[str, int, float, Text]  # noqa: UP007 - a header, a number, or a text


class Case(ContractModel):
    """What a row gives whose columns hold one of these texts each ("" is an empty cell)."""

    when: dict[str, list[str]] = Field(min_length=1)
    then: Part


class Offset(ContractModel):
    """A date or time and how much later it is; `dateFormat` and `calendar` of the property say how the column is read."""

    of: str = Field(description="Header of a column of dates")
    days: float = 0
    hours: float = 0


class Arithmetic(ContractModel):
    """One of sum, product, difference and ratio (of two) over headers, numbers and such terms.

    An empty part makes the result empty, and so does a base of 0; a part that is no number breaks the rule of numbers.
    """

    sum: list[Union[str, float, "Arithmetic"]] | None = Field(None, min_length=1)
    product: list[Union[str, float, "Arithmetic"]] | None = Field(None, min_length=1)
    difference: list[Union[str, float, "Arithmetic"]] | None = Field(None, min_length=2, max_length=2)
    ratio: list[Union[str, float, "Arithmetic"]] | None = Field(None, min_length=2, max_length=2)

    @model_validator(mode="after")
    def _one_form(self) -> "Arithmetic":
        _require_one(self)
        return self

    def terms(self) -> tuple[str, list[Union[str, float, "Arithmetic"]]]:
        """The form's name and its terms."""
        name = next(name for name in ("sum", "product", "difference", "ratio") if getattr(self, name) is not None)
        return name, getattr(self, name)


class Expression(Arithmetic):
    """A value made from several columns: arithmetic, or `join`, `case` (the first that holds, else `otherwise`), or `offset`."""

    join: list[Part] | None = Field(None, min_length=2)
    case: list[Case] | None = Field(None, min_length=1)
    otherwise: Part | None = None
    offset: Offset | None = None

    @property
    def headers(self) -> list[str]:
        """The source columns it reads, in order."""
        if self.offset is not None:
            return [self.offset.of]
        if self.join is not None:
            return _named(self.join)
        if self.case is not None:
            tested = [header for one in self.case for header in [*one.when, *_named([one.then])]]
            return list(dict.fromkeys([*tested, *_named([self.otherwise])]))
        return list(dict.fromkeys(_leaves(self)))

    @property
    def seconds(self) -> int:
        """How much later the date is that it gives; 0 without an offset."""
        return round((self.offset.days * 24 + self.offset.hours) * 3600) if self.offset else 0


def _require_one(model: Arithmetic) -> None:
    forms = [
        name
        for name in ("sum", "product", "difference", "ratio", "join", "case", "offset")
        if getattr(model, name, None) is not None
    ]
    if len(forms) != 1:
        raise ValueError("an expression is exactly one of sum, product, difference, ratio, join, case, offset")


def _named(parts: list[Part | None] | list[Part]) -> list[str]:
    return list(dict.fromkeys(part for part in parts if isinstance(part, str)))


def _leaves(term: Arithmetic) -> list[str]:
    leaves: list[str] = []
    for part in term.terms()[1]:
        leaves += _leaves(part) if isinstance(part, Arithmetic) else [part] if isinstance(part, str) else []
    return leaves


def text_of(expression: Expression, texts: Texts, decimal: str) -> str:
    """SQL: the text an expression gives in a row.

    Args:
        texts: SQL of a column's cleaned text by its header, null if the cell is empty.
        decimal: the contract's decimal mark, in which numbers are read and given.
    """
    if expression.offset is not None:
        return texts(expression.offset.of)
    if expression.join is not None:
        return f"({' || '.join(_part(part, texts) for part in expression.join)})"
    if expression.case is not None:
        cases = " ".join(f"when {_holds(one.when, texts)} then {_part(one.then, texts)}" for one in expression.case)
        # As in `when`, an empty text is an empty cell.
        return f"nullif(case {cases} else {_part(expression.otherwise, texts)} end, '')"
    return _number(expression, texts, decimal)


def _part(part: Part | None, texts: Texts) -> str:
    if part is None:
        return "null::varchar"
    if isinstance(part, str):
        return texts(part)
    return sql.text(part.text if isinstance(part, Text) else f"{part:g}")


def _holds(when: dict[str, list[str]], texts: Texts) -> str:
    return " and ".join(f"coalesce({texts(header)}, '') in ({sql.texts(wanted)})" for header, wanted in when.items())


def _number(term: Expression, texts: Texts, decimal: str) -> str:
    """Empty if a part is; the text of the first part that is no number, so that the rule of numbers tells it; else the number.

    Macros repeat their argument, so each step is given the last one's results by name (`_given`): written out one within
    the other, the ratio of a sum and a difference took the planner seconds.
    """
    leaves = list(dict.fromkeys(_leaves(term)))
    place = {leaf: number for number, leaf in enumerate(leaves, start=1)}
    empty = " or ".join(f"cells[{number}] is null" for number in place.values()) or "false"
    wrong = " ".join(f"when numbers[{number}] is null then cells[{number}]" for number in place.values())
    # Rounded as columns of numbers are; what is too large for them stays visible, and is told as such.
    shown = "coalesce(try_cast(result as decimal(18,6))::varchar, result::varchar)"
    marked = f"replace({shown}, '.', ',')" if decimal == "," else shown
    result = _given("result", _computed(term, place), marked)
    one = f"case when {empty} then null {wrong} else {result} end"
    signed = "list_transform(cells, lambda cell: signed(cell))"
    parsed = f"list_transform({signed}, lambda cell: try_cast({values.number_text('cell', decimal)} as double))"
    return _given("cells", f"[{', '.join(texts(leaf) for leaf in leaves)}]::varchar[]", _given("numbers", parsed, one))


def _given(name: str, value: str, expression: str) -> str:
    """SQL: an expression in which `name` stands for a value, worked out once."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def _computed(term: Arithmetic, place: dict[str, int]) -> str:
    name, parts = term.terms()
    shown = [
        _computed(part, place)
        if isinstance(part, Arithmetic)
        else f"numbers[{place[part]}]"
        if isinstance(part, str)
        else f"{float(part)!r}::double"
        for part in parts
    ]
    if name == "ratio":
        return f"({shown[0]} / nullif({shown[1]}, 0))"
    return f"({_ARITHMETIC[name].join(shown)})"
