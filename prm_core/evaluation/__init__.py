"""How often a model is right: scores and truth in, figures and reports out; plain Python.

`metrics` has the formulas, `best_of_n` the choice among candidates, `recorded` scores that a file
brings along, `reports` an evaluation from its files to its tables, `html` the report as one page.
"""
