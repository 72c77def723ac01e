"""The answer to a file before delivery: what would be accepted, which cells to correct, what changed, how it would score.

Belongs here: turning a check's result into a document. Does not belong here: judging (`expectations.check`), scoring
(`warehouse.check_scores`).
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from expectations.check import CheckResult
from ingestion.rules import contract_line
from miyar.errors import MiyarError, Problem
from publication.documents.model import (
    WORDS,
    Cell,
    Code,
    Count,
    Document,
    Interval,
    Number,
    Section,
    Sentence,
    Table,
    Text,
    coded,
)
from publication.documents.rendering import as_html, values
from publication.documents.workbook import write_workbook
from publication.phrasing import LANGUAGES, Language, Phrasing

# Nobody reads a longer page; the workbook and the JSON hold all lines.
PAGE_ROWS = 500


def check_document(
    outcome: CheckResult, scores: list[dict[str, Any]], hashes: dict[str, str], *, all_rows: bool = False
) -> Document:
    """Return the document of one checked file.

    `scores` come from `scores_of_check`; `hashes` are those of code and registry.
    """
    account = outcome.account
    cells: dict[str, Cell] = {
        "file": Code(Path(account.path).name),
        "verdict": coded(account.status, "submission_statuses"),
        **{name: Count(getattr(account, name)) for name in ("records", "accepted", "quarantined", "duplicates")},
    }
    lead = [
        Sentence("check_verdict", cells),
        Sentence("check_hashes", {name: Code(value[:16]) for name, value in hashes.items()}),
    ]
    sections = [_whole(outcome), _cells(outcome, all_rows), _slices(outcome), _changed(outcome), _scores(scores)]
    return Document(Sentence("check_title", cells), lead, [section for section in sections if section])


def _whole(outcome: CheckResult) -> Section | None:
    """List what is wrong with the file as a whole; these messages are in one language, as in every log."""
    told = outcome.account.problems + outcome.account.notes
    lines: list[tuple[Cell, ...]] = [
        (
            Code(line["rule"]),
            Text(line["message"], line["message"]),
            Text(line["next_step"], line["next_step"]),
            Code(contract_line(line["rule"], line["column"])),
        )
        for line in told
    ]
    table = Table(("rule", "problem", "next_step", "contract_line"), lines)
    return Section(Sentence("check_file"), [table]) if told else None


def _cells(outcome: CheckResult, all_rows: bool) -> Section:
    rows = outcome.rows if all_rows else outcome.rows[:PAGE_ROWS]
    lines: list[tuple[Cell, ...]] = [
        (
            Count(int(row["row"])),
            Code(row["column"]),
            Code(row["value"]),
            Text(row["ar"], row["en"]),
            Text(row["next_ar"], row["next_en"]),
            Code(row["contract"]),
        )
        for row in rows
    ]
    if not rows:
        return Section(Sentence("check_cells"), [Sentence("check_no_cells")])
    shown: dict[str, Cell] = {"shown": Count(len(rows)), "all": Count(len(outcome.rows))}
    table = Table(("source_row", "column", "value", "problem", "next_step", "contract_line"), lines)
    return Section(Sentence("check_cells"), [Sentence("check_shown", shown), table])


def _slices(outcome: CheckResult) -> Section | None:
    if not outcome.slices:
        return None
    waits = {True: Text("ينتظر قرار المركز", "waits for the centre"), False: Text("", "")}
    lines: list[tuple[Cell, ...]] = [
        (Code(agency), Code(period), Count(one.before), Count(one.after), waits[one.waits])
        for one in outcome.slices
        for _, agency, period in [one.slice_id.split("|")]
    ]
    table = Table(("agency", "period", "before", "after", "decision"), lines)
    return Section(Sentence("check_slices"), [Sentence("check_slices_how"), table])


def _changed(outcome: CheckResult) -> Section:
    if outcome.changes is None:
        return Section(Sentence("check_changes"), [Sentence("check_no_earlier")])
    lines: list[tuple[Cell, ...]] = [
        (
            coded(line["kind"], "changes"),
            Code(line["column"]),
            Code(line["value"]),
            Number(line["before"], 0 if line["kind"] == "rows" else 3),
            Number(line["after"], 0 if line["kind"] == "rows" else 3),
        )
        for line in outcome.changes
    ]
    table = Table(("change_kind", "column", "value", "before", "after"), lines)
    return Section(Sentence("check_changes"), [Sentence("check_changes_how"), table])


def _scores(scores: list[dict[str, Any]]) -> Section | None:
    if not scores:
        return None
    lines: list[tuple[Cell, ...]] = [
        (
            Text(row["name_ar"], row["name_en"]),
            Code(row["unit_id"]),
            Code(row["period_id"]),
            Code(row["instrument_id"]),
            Number(row["score"]),
            Interval(row["ci_low"], row["ci_high"]),
            Count(row["n"]),
            Count(None if row["n_effective"] is None else int(row["n_effective"])),
            coded(row["status_reason"] or row["status"]),
            coded(row["frame_status"], "frames"),
        )
        for row in scores
    ]
    columns = ("metric", "unit", "period", "instrument", "score", "interval", "n", "n_effective", "status", "frame")
    return Section(Sentence("check_scores"), [Sentence("check_scores_how"), Table(columns, lines)])


def write_answer(
    outcome: CheckResult, scores: list[dict[str, Any]], hashes: dict[str, str], out: Path, language: str
) -> None:
    """Write the answer; the ending of `out` decides: a page, a workbook with the cells marked, or JSON."""
    require_answer(out, language)
    match out.suffix.lower():
        case ".html":
            told = values(check_document(outcome, scores, hashes), "en" if language == "en" else "ar")
            out.write_text(as_html(told), "utf-8")
        case ".xlsx":
            write_marked_workbook(check_document(outcome, scores, hashes, all_rows=True), outcome, out)
        case _:
            answer = {
                "account": asdict(outcome.account),
                "hashes": hashes,
                "cells": outcome.rows,
                "slices": [asdict(one) for one in outcome.slices],
                "changes": outcome.changes,
                "scores": scores,
            }
            out.write_text(json.dumps(answer, ensure_ascii=False, indent=1, default=str) + "\n", "utf-8")


def require_answer(out: Path, language: str) -> None:
    """Raise MiyarError for an answer nobody can write, before the file is judged, which takes half a minute."""
    if out.suffix.lower() not in {".html", ".xlsx", ".json"} or language not in LANGUAGES:
        raise MiyarError(
            Problem(
                "answer_unknown",
                "an answer is written as .html, .xlsx or .json, in ar or en",
                file=out.name,
                next_step="Choose one of these endings and languages.",
            )
        )
    if not out.absolute().parent.is_dir():
        raise MiyarError(
            Problem(
                "answer_unwritable",
                "there is no such folder",
                file=str(out.parent),
                next_step="Name an existing folder.",
            )
        )


def write_marked_workbook(document: Document, outcome: CheckResult, path: Path) -> None:
    """Write the document as a workbook.

    Sheets before it list the refused rows, one per language, with the offending cells marked.
    """
    with_marks = sorted({row["column"] for row in outcome.rows})
    write_workbook(document, path, _period(outcome), lambda book: _marks(book, outcome, with_marks))


def _period(outcome: CheckResult) -> str:
    """Return the last period of the file: it dates the workbook, so the same file gives the same bytes on any day."""
    periods = [entry["period_id"] for entry in outcome.account.slices]
    return max(periods) if periods else "2000Q1"


def _marks(book: Any, outcome: CheckResult, columns: list[str]) -> None:
    marked = book.add_format({"bg_color": "#f8d7da", "border": 1, "text_wrap": True})
    head = book.add_format({"bold": True, "bg_color": "#eef1f4"})
    lines: dict[str, dict[str, dict[str, str]]] = {}
    for row in outcome.rows:
        lines.setdefault(row["row"], {})[row["column"]] = row
    for language in LANGUAGES:
        say = Phrasing(language, WORDS)
        sheet = book.add_worksheet(f"{language} {say.word('check_marked')}"[:31])
        if language == "ar":
            sheet.right_to_left()
        sheet.freeze_panes(1, 1)
        sheet.write_string(0, 0, say.word("check_row"), head)
        for position, column in enumerate(columns, start=1):
            sheet.write_string(0, position, column, head)
        for line, number in enumerate(sorted(lines, key=int), start=1):
            sheet.write_number(line, 0, int(number))
            for column, row in lines[number].items():
                position = columns.index(column) + 1
                sheet.write_string(line, position, row["value"], marked)
                sheet.write_comment(line, position, _sentence(row, language), {"x_scale": 2})
        sheet.set_column(0, len(columns), 18)


def _sentence(row: dict[str, str], language: Language) -> str:
    mends = {"ar": "أو في العقد: ", "en": "Or in the contract: "}[language] + row["contract"] if row["contract"] else ""
    return "\n".join(filter(None, (row[language], row[f"next_{language}"], mends)))
