"""The kinds of problems a reader can meet; each has its words in both languages and one status code.

Belongs here: the kinds. Does not belong here: how they look (`rendering`).
"""

STATUS = {
    "sign_in_needed": 401,
    "session_over": 401,
    "sign_in_failed": 400,
    "not_a_reader": 403,
    "link_spent": 403,
    "form_not_ours": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_slow": 408,
    "too_large": 413,
    "not_understood": 422,
    "too_many": 429,
    "unexpected": 500,
    "no_edition": 503,
    "check_failed": 422,
}


class ReaderProblem(Exception):  # noqa: N818 - not our error but an answer
    """A request answered with one of the kinds. What is not a reader's own is answered as if it did not exist."""

    def __init__(self, kind: str, retry_after: int | None = None) -> None:
        super().__init__(kind)
        self.kind, self.retry_after = kind, retry_after

    @property
    def status(self) -> int:
        return STATUS[self.kind]


def not_found() -> ReaderProblem:
    return ReaderProblem("not_found")
