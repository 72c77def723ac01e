"""What reading one file may cost, and why: a file that needs more is refused by name, the same way on any day.

Belongs here: limits of every format. Does not belong here: what happens at a limit (`worker`), limits of one format.
"""

# Longest text of one cell. A spreadsheet cell holds 32,767 characters; more than three times that is a lost quote or an
# attack, not an answer.
LONGEST_FIELD = 100_000
# A sheet of a million rows and thirty columns is under 2 GB of XML; no report on services is larger.
LARGEST_UNPACKED = 2 << 30
# Real sheets and tables compress 3 to 60 times. Deflate's maximum is about 1,030, which only padding reaches. Small files
# may compress well by chance, so the ratio is checked only from a size that could do harm.
LARGEST_RATIO, RATIO_COUNTS_FROM = 200, 64 << 20
# A zip of a daily file for three years has 1,096 members.
MOST_MEMBERS = 2_000
# A sheet is held as a rectangle from its first to its last filled cell, 32 bytes a place. Thirty columns of a million rows are
# 31 million places; a rectangle larger than this is held only where one place in twenty is filled.
LARGEST_SHEET, EMPTIEST_SHARE = 50_000_000, 20
# Private memory of the reading process, beside the engine's own limit: a full sheet of thirty columns takes under 2.5 GB.
MOST_MEMORY = 3 << 30
# Processor seconds: a megabyte of the slowest format (spreadsheets) takes about two on slow machines.
CPU_SECONDS, CPU_SECONDS_PER_MEGABYTE = 60, 10
# A process that waits (for a disk, for other processes) is not the file's fault; ten times the processor's limit is a hang.
WAITING = 10
# Working files are texts as Parquet, at most some times the size of the file; columns of one value compress as zips do.
OUTPUT_BYTES, OUTPUT_RATIO = 1 << 30, 200
