"""How often a model is right: scores and truth in, metrics and reports out; plain Python.

`judge` runs a scorer over a file, `recorded` returns scores from the file itself, `reports` makes a
report from either, with the formulas of `metrics` and the choice among candidates of `best_of_n`;
`arithmetic` measures on generated problems, `html` shows a report as text or as a page. `agreement`
compares the labels of two annotators.
"""
