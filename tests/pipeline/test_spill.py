"""A build that needs more memory than it is allowed spills to disk and continues."""

import os

CASES = 100_000
# Above what DuckDB cannot spill (about 55 MB with one thread), below what it needs without spilling (about 110 MB).
MEMORY = "80MB"


def test_a_build_that_spills_goes_on(make_micro) -> None:
    """dbt repeats its settings on each model's connection, and DuckDB refuses a temporary folder as a setting after a spill."""
    micro = make_micro("spill", threads=1)
    micro.write(
        micro.second_cases,
        "agency,case,opened,due,resolved,extracted\n"
        + "".join(
            f"Noor,case number {number} of the large hall,2025-10-{1 + number % 28:02}T00:00:00,"
            f"2025-11-15T00:00:00,2025-11-{1 + number % 20:02}T00:00:00,2026-01-05T00:00:00\n"
            for number in range(CASES)
        ),
    )
    assert [account.accepted for account in micro.receive().accounts] == [CASES]
    settings = micro.root / "miyar.yml"
    settings.write_text(settings.read_text("utf-8").replace("memory_limit: 500MB", f"memory_limit: {MEMORY}"), "utf-8")
    assert micro.workspace.settings.memory_limit == MEMORY
    # Creating and deleting a file changes the folder's modification time.
    spill = micro.root / "warehouse" / "spill"
    spill.mkdir(parents=True)
    os.utime(spill, (0, 0))

    micro.build(["+int_slices__built"])

    assert spill.stat().st_mtime > 0, "nothing was spilled, so the test proves nothing"
    assert list(spill.iterdir()) == [], "the working files are gone after the build"
    # Resolved on the 1st to the 20th and due on the 15th, so fifteen of twenty were in time.
    totals = "select sum(opened_count), sum(in_time_count) from intermediate.int_complaints__cells"
    assert micro.sql(totals) == [(CASES, CASES * 15 // 20)]
    assert micro.sql("select slice_id from intermediate.int_slices__built") == [("complaints|a01|2025Q4",)]
