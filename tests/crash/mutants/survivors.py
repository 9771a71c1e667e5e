"""Generated mutants that nothing catches, each with the reason why that is no gap in the tests.

By their names, which hold as long as the expression in the firmware does.
"""

EXPLAINED: dict[str, str] = {
    "keeper, Keeper._begin_idle_fold: log.sector - first > old -> log.sector - first >= old": (
        "only sooner: idle work folds a mailbox when its records are one sector of the log younger"
    ),
}
