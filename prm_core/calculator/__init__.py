"""A calculator that reads solutions: which equations are false, and what each step rests on.

Plain Python, linear in the text, without any model: evidence for a value head
(`prm_core.families.value_head`) and marks for drawings of steps. It finds what arithmetic can
find; whether the right thing is computed it cannot tell.

`tokens` cuts a text up, `reader` reads computations from the tokens, `equations` judges which of
them are said to be equal, with units from `conversions`, `clock` the same of times of day;
`readings` has the records. `ledger` keeps account of a whole solution.
"""

from prm_core.calculator.equations import read
from prm_core.calculator.ledger import (
    FEATURES,
    N_FEATURES,
    VERSION,
    Ledger,
    StepReading,
    read_solution,
)
from prm_core.calculator.readings import Equation, Side

__all__ = [
    "FEATURES",
    "N_FEATURES",
    "VERSION",
    "Equation",
    "Ledger",
    "Side",
    "StepReading",
    "read",
    "read_solution",
]
