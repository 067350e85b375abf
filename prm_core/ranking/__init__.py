"""From step probabilities to an order of the solutions; plain Python.

`aggregate` turns a solution's step probabilities into one score, `rank` orders the solutions of a
problem.
"""
