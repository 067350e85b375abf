"""Final answers: where a solution says its own, and which answers mean the same; plain Python.

`final` finds the answer in the last steps, `equality` compares two and groups many; `notation`,
`expressions` and `units` are what comparing by meaning takes.
"""
