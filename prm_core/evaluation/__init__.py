"""How often a model is right: scores and truth in, figures and reports out; plain Python.

`judge` runs a scorer over what a file holds, `recorded` gives scores that the file brings along,
`reports` makes a report of either, with the formulas of `metrics` and the choice among candidates
of `best_of_n`; `arithmetic` measures on problems that are made here, `html` shows a report as a
text or as a page. `agreement` compares what two annotators say.
"""
