"""Results of the command line as terminal tables (a part of `cli.main`).

Belongs here: layout for the terminal. Does not belong here: queries and decisions.
"""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from expectations.check import CheckResult
from expectations.review import Reviewed
from ingestion.arrivals import Called
from ingestion.rereading import Proposal
from ingestion.rules import contract_line
from ingestion.slices import Waiting
from ingestion.submission_ledger import Account, untold_count
from publication.difference import Difference
from publication.explain import Comparison, Explanation, Step, sentence, words
from publication.reading import code_text, reason_text, wording
from publication.trace import Trace

WIDTH = 150
# The terminal shows only this many lines; `--out` writes all of them.
SHOWN_LINES = 40


def _console() -> Console:
    # Delivered texts and file names may contain what rich would read as markup.
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH  # the default of 80 columns is too narrow for two languages side by side
    return console


def reviewed_table(found: list[Reviewed], accepted: int) -> None:
    """Print which rules accepted rows break, and how many; of those under a waiver the contract says why they were taken."""
    table = Table(title=f"{accepted:,} accepted rows")
    for heading in ("file", "rule", "columns", "what follows", "rows", "waived"):
        table.add_column(heading, justify="right" if heading in ("rows", "waived") else "left")
    for one in found:
        columns = ", ".join(one.rule.columns)
        table.add_row(
            one.account.path,
            one.rule.id,
            columns,
            one.rule.action,
            f"{one.rows:,}",
            f"{one.waived:,}" if one.waived else "",
        )
    _console().print(table)


def benchmark_table(rows: list[dict[str, Any]], names: tuple[str, str], period: str, edition: str) -> None:
    """Print the benchmark table of one metric: score, difference to the peers with its interval, verdict, tier and target.

    A star marks a verdict that is another one among all agencies. The caption says how many verdicts are expected to be wrong.
    """
    table = Table(title=f"{names[0]} · {names[1]} · {period} · {edition}", caption=_expected_wrong(rows))
    for heading, side in (
        ("الجهة", "right"),
        ("Agency", "left"),
        ("نتيجة Score", "right"),
        ("n (أشخاص persons؛ فعّال eff.)", "right"),
        ("فرق Difference", "center"),
        ("الحكم", "right"),
        ("Verdict", "left"),
        ("طبقة Tier", "right"),
        ("مستهدف Target", "right"),
    ):
        # Names and reasons may take two lines, figures none.
        may_wrap = heading in ("الجهة", "Agency", "الحكم", "Verdict") or heading.startswith("n ")
        table.add_column(heading, justify=side, no_wrap=not may_wrap)  # type: ignore[arg-type]
    for row in rows:
        arabic, english = _verdict(row)
        table.add_row(
            row["name_ar"],
            row["name_en"],
            _number(row["score"]),
            _size(row),
            _difference(row),
            arabic,
            english,
            "–" if row["tier"] is None else str(row["tier"]),
            _number(row["benchmark"]),
        )
    _console().print(table)


def _size(row: dict[str, Any]) -> str:
    """n, and of a survey the persons and the effective n behind it."""
    if row["n"] is None:
        return "–"
    effective = "–" if row["n_effective"] is None else f"{row['n_effective']:,.0f}"
    return f"{row['n']:,}" if row["respondents"] is None else f"{row['n']:,} ({row['respondents']:,}; {effective})"


def _verdict(row: dict[str, Any]) -> tuple[str, str]:
    if row["verdict"]:
        text, star = wording()["verdicts"][row["verdict"]], " *" if row["turns_with_frame"] else ""
        return text["ar"] + star, text["en"] + star
    text = wording()["reasons"][row["comparability_reason"]]
    if row["status"] != "reported":
        return text["ar"], f"no score: {text['en']}"
    return f"غير قابل للمقارنة: {text['ar']}", f"not comparable: {text['en']}"


def _difference(row: dict[str, Any]) -> str:
    if row["difference"] is None:
        return "–"
    if row["difference_low"] is None:
        return f"{row['difference']:+.1f}"
    return f"{row['difference']:+.1f} ({row['difference_low']:+.1f} – {row['difference_high']:+.1f})"


def _expected_wrong(rows: list[dict[str, Any]]) -> str | None:
    """How many of these verdicts tell a direction and the share of them expected to be wrong, in both languages."""
    right = [float(row["p_right"]) for row in rows if row["p_right"] is not None]
    if not right:
        return None
    wrong = 100 * (1 - sum(right) / len(right))
    return (
        f"يُتوقع أن يخطئ {wrong:.1f} % من {len(right)} حكما بالأفضل أو الأدنى · "
        f"{wrong:.1f} % of {len(right)} verdicts of better or worse are expected to be wrong"
    )


def accounts_table(accounts: list[Account]) -> None:
    """Print one line per submission."""
    table = Table(
        "submission", "file", "status", "records", "accepted", "in no figure", "quarantined", "duplicates", "why"
    )
    for account in sorted(accounts, key=lambda account: account.path):
        why = account.withdrawn or "; ".join(str(line["message"]) for line in (account.problems or account.notes)[:2])
        counts = (account.records, account.accepted, untold_count(account), account.quarantined, account.duplicates)
        table.add_row(account.submission_id, account.path, account.status, *(f"{count:,}" for count in counts), why)
    _console().print(table)


def files_table(called: list[Called]) -> None:
    """Print how many files lie in the landing zone in which state, and each that no account stands for, with the reason."""
    counts = Counter(one.state for one in called)
    console = _console()
    console.print(
        f"landing zone: {len(called)} files; " + ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
    )
    others = [one for one in called if one.state != "received"]
    if others:
        table = Table("file", "state", "rule", "why")
        for one in others:
            table.add_row(one.path, one.state, one.rule, one.why)
        console.print(table)


def waiting_table(waiting: list[Waiting], proposals: list[Proposal]) -> None:
    """Print what waits for a person, with rows before and after; nothing if there is none."""
    if not waiting and not proposals:
        return
    title = "waits for `miyar accept`, or `miyar withdraw`"
    table = Table("submission", "file", "slice", "rows now", "after", "why", title=title)
    for held in waiting:
        ids = (held.account.submission_id, held.account.path, held.slice_id)
        table.add_row(*ids, f"{held.rows_before:,}", f"{held.rows:,}", "a later delivery has fewer rows")
    for proposal in proposals:
        for line in proposal.changes:
            ids = (proposal.account.submission_id, proposal.account.path, line["slice_id"])
            why = f"read again, {line['rows_changed']:,} rows change"
            table.add_row(*ids, f"{line['rows_before']:,}", f"{line['rows']:,}", why)
    _console().print(table)


def check_table(outcome: CheckResult, scores: list[dict[str, Any]], hashes: dict[str, str]) -> None:
    """Print what a check found: the account, cells to fix in both languages, what changed, and what the scores would be."""
    account = outcome.account
    console = _console()
    console.print(
        f"{account.path}: {account.status}; {account.records:,} records = {account.accepted:,} accepted + "
        f"{account.quarantined:,} quarantined + {account.duplicates:,} duplicates"
    )
    if account.accepted:
        untold = untold_count(account)
        console.print(
            f"  of the accepted, {account.accepted - untold:,} are counted into figures, {untold:,} into none"
        )
    for line in account.problems + account.notes:
        console.print(f"  [{line['rule']}] {_place(line)}{line['message']} -> {line['next_step']}", markup=False)
        for mend in filter(None, [contract_line(str(line["rule"]), str(line["column"]))]):
            console.print(f"      in the contract: {mend}", markup=False)
    if outcome.rows:
        _print_rules(console, outcome.rows)
        table = Table("row", "column", "value", "القاعدة", "rule", "next step")
        # Good rows of a refused file have nothing to mend; above they are counted.
        rows = [row for row in outcome.rows if row["rule"] != "submission_refused"]
        for row in rows[:SHOWN_LINES]:
            table.add_row(str(row["row"]), row["column"], row["value"], row["ar"], row["en"], row["next_en"])
        if len(rows) > SHOWN_LINES:
            table.caption = f"and {len(rows) - SHOWN_LINES:,} more cells (--out answer.xlsx has them all)"
        console.print(table)
    if outcome.slices:
        table = Table("agency", "quarter", "rows now", "after", "decision")
        for one in outcome.slices[:SHOWN_LINES]:
            _, agency, period = one.slice_id.split("|")
            waits = "ينتظر قرار المركز · waits for the centre (miyar accept)" if one.waits else ""
            table.add_row(agency, period, f"{one.before:,}", f"{one.after:,}", waits)
        if len(outcome.slices) > SHOWN_LINES:
            table.caption = f"and {len(outcome.slices) - SHOWN_LINES} more"
        console.print(table)
    if outcome.changes:
        table = Table("تغير", "changed", "column", "value", "before", "now")
        for line in outcome.changes[:SHOWN_LINES]:
            kinds = (code_text(line["kind"], language, "changes") for language in ("ar", "en"))
            table.add_row(*kinds, line["column"], line["value"], f"{line['before']:g}", f"{line['after']:g}")
        console.print(table)
    if scores:
        size = "n (أشخاص persons؛ فعّال eff.)"
        table = Table(
            "المقياس", "metric", "unit", "period", "score", "95 % (≈ تقريبية approximate)", size, "الحالة", "status"
        )
        for row in [row for row in scores if row["unit_type"] == "agency"][:SHOWN_LINES]:
            reason = row["status_reason"] or row["status"]
            interval = f"{_number(row['ci_low'])} – {_number(row['ci_high'])}" if row["ci_low"] is not None else ""
            interval += " ≈" if row["interval_claim"] == "approximate" else ""
            table.add_row(
                *(row["name_ar"], row["name_en"], row["unit_id"], row["period_id"], _number(row["score"]), interval),
                *("" if row["n"] is None else _size(row), reason_text(reason, "ar"), reason_text(reason, "en")),
            )
        console.print(table)
    console.print(f"code {hashes['code'][:16]}, registry {hashes['registry'][:16]}")


def _place(line: dict[str, Any]) -> str:
    """Where in the file a problem of the whole file is: its row and column, as far as they are known."""
    parts = [
        f"row {line['row']}" if line.get("row") is not None else "",
        f"column {line['column']!r}" if line.get("column") else "",
    ]
    shown = ", ".join(filter(None, parts))
    return f"{shown}: " if shown else ""


def _print_rules(console: Console, rows: list[dict[str, str]]) -> None:
    """Print each rule once: how many cells and columns break it, and the contract's line that mends it if the data are right."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row["rule"], []).append(row)
    for rule, broken in sorted(found.items(), key=lambda one: (-len(one[1]), one[0])):
        columns = ", ".join(sorted({row["column"] for row in broken if row["column"]}))
        console.print(
            f"  {len(broken):,} cells [{rule}] in {columns or 'whole rows'}: {broken[0]['ar']} · {broken[0]['en']}",
            markup=False,
        )
        if broken[0]["contract"]:
            console.print(f"      in the contract: {broken[0]['contract']}", markup=False)


def difference_table(difference: Difference, limit: int) -> None:
    """Print counts, then the first changed scores."""
    console = _console()
    console.print(difference.summary)
    table = Table("change", "period", "metric", "unit", "score", "n", "status")
    for row in difference.rows[:limit]:
        table.add_row(
            row["change"],
            row["period_id"],
            row["metric_id"],
            f"{row['unit_type']} {row['unit_id']}",
            f"{_number(row['score_before'])} → {_number(row['score_after'])}",
            f"{row['n_before']} → {row['n_after']}",
            f"{row['status_before']} → {row['status_after']}",
        )
    console.print(table)
    if len(difference.rows) > limit:
        console.print(f"and {len(difference.rows) - limit} more (--limit)")


def trace_tables(found: Trace) -> None:
    """Print a score's passport, cells, submissions and rows."""
    console = _console()
    passport = Table("passport", "")
    for name, value in found.passport.items():
        passport.add_row(name, str(value))
    console.print(passport)
    for feed, cells in found.cells.items():
        gone = found.moved_count[feed]
        elsewhere = f"; {gone:,} more moved to another agency or quarter, and count there" if gone else ""
        console.print(f"{feed}: {len(cells)} cells of {found.rows_count[feed]:,} rows{elsewhere}")
        for entry in found.submissions:
            if entry["slice_id"].startswith(f"{feed}|"):
                console.print(f"  {entry['slice_id']}  submission {entry['submission_id']}  {entry['path']}")
        rows = Table("file", "line", "row id")
        for row in found.rows[feed]:
            rows.add_row(row["file"], str(row["source_row"]), row["row_id"])
        console.print(rows)


def explanation_lines(found: Explanation, language: str) -> None:
    """Print the steps as numbered sentences, then the most influential cells."""
    console = _console()
    for number, step in enumerate(found.steps, start=1):
        console.print(f"{number}. {sentence(step, language)}", highlight=False, soft_wrap=True)
    if found.influences:
        table = Table(words()["influential_cell"][language], "n", words()["influence"][language])
        for one in found.influences:
            places = ", ".join(f"{name} {value}" for name, value in one.cell.items())
            table.add_row(places, f"{one.n:,}", f"{one.change:+.3f}")
        console.print(table)


def comparison_lines(found: Comparison, language: str) -> None:
    """Print each reason as a sentence, or that there is none."""
    steps = found.reasons or [Step("comparable", {})]
    for step in steps:
        _console().print(sentence(step, language), highlight=False, soft_wrap=True)


def _number(value: Any) -> str:
    return "–" if value is None else f"{float(value):.1f}"
