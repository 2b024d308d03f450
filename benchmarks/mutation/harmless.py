"""Changes that change nothing, each with its reason. The benchmark leaves them out: no test can notice them."""

Key = tuple[str, str, str]
"""The name of the module in `MODULES`, and its changed lines before and after. Line numbers may move."""


def _all(reason: str, module: str, before: str, *after: str) -> dict[Key, str]:
    return {(module, before, each): reason for each in after}


HARMLESS: dict[Key, str] = {
    **_all("None is as empty as ()", "dispatcher", "return ()", "return None"),
    **_all(
        "only differences of virtual times count",
        "fair share",
        "now: float = 0.0",
        "now: float = 1.0",
        "now: float = -1.0",
    ),
    **_all(
        "any precision above rounding and below a step's seconds does",
        "fair share",
        "DIGITS = 6",
        "DIGITS = 5",
        "DIGITS = 7",
    ),
    **_all("no seconds move no time", "fair share", "if seconds > 0:", "if seconds >= 0:"),
    **_all(
        "the wait means nothing where it is impossible, and is given everywhere else",
        "limits",
        "retry_after: float = 0.0  # seconds; meaningless when impossible",
        "retry_after: float = 1.0  # seconds; meaningless when impossible",
        "retry_after: float = -1.0  # seconds; meaningless when impossible",
    ),
    **_all(
        "a sample of any size advances the scheduler",
        "step table",
        "zero = torch.zeros(1, 1, 1, 1)",
        "zero = torch.zeros(2, 1, 1, 1)",
        "zero = torch.zeros(1, 2, 1, 1)",
        "zero = torch.zeros(1, 1, 2, 1)",
        "zero = torch.zeros(1, 1, 1, 2)",
    ),
}
