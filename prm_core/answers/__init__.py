"""Final answers: where a solution says its own, and which answers mean the same; plain Python.

`final` finds the answer in the last steps. `equality` compares two: `notation` brings them to one
spelling, `structure` takes them apart, and `quantities`, `expressions` and `units` compare numbers
and formulas.
"""
