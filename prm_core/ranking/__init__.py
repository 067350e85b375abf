"""From step probabilities to an order of the solutions; plain Python.

`aggregate` makes one score of a solution's steps, `rank` orders the solutions of a problem.
"""
