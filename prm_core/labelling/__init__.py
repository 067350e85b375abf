"""Labels for the steps of solutions: from final answers, continuations, or consensus.

`methods` has the ways and their formulas, `completers` and `local_completer` continue a solution
from one of its steps, `run` goes through a file and resumes after a stop.
"""
