"""Labels for the steps of solutions: from final answers, continuations, or consensus.

`methods` has the methods and their formulas, `consensus` the values that right solutions share,
`completers` and `local_completer` continue a solution from one of its steps. `run` goes through the
`solutions` of a file and fills a `label_file`, which a stopped run resumes.
"""
