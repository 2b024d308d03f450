"""Changes that change nothing, each with its reason. A benchmark of the tests leaves them out: no test can notice them."""

_SIZES = (
    "2, 1, 1, 1",
    "1, 2, 1, 1",
    "1, 1, 2, 1",
    "1, 1, 1, 2",
    "0, 1, 1, 1",
    "1, 0, 1, 1",
    "1, 1, 0, 1",
    "1, 1, 1, 0",
)

HARMLESS: dict[tuple[str, str, str], str] = {
    ("dispatcher", "return ()", "return None"): "None is as empty as ()",
    ("fair share", "now: float = 0.0", "now: float = 1.0"): "only differences of virtual times count",
    ("fair share", "now: float = 0.0", "now: float = -1.0"): "only differences of virtual times count",
    (
        "fair share",
        "DIGITS = 6",
        "DIGITS = 5",
    ): "any precision above rounding and below a step's seconds does",
    (
        "fair share",
        "DIGITS = 6",
        "DIGITS = 7",
    ): "any precision above rounding and below a step's seconds does",
    ("fair share", "if seconds > 0:", "if seconds >= 0:"): "no seconds move no time",
    **{
        (
            "step table",
            "zero = torch.zeros(1, 1, 1, 1)",
            f"zero = torch.zeros({size})",
        ): "a step of any size advances"
        for size in _SIZES
    },
    ("delivery", "if message_id != recorded:", "if True:"): "records the same message again",
}
"""(name of the module in `MODULES`, the changed lines before, and after): the reason. Line numbers may move."""
