"""Every file that the project reads or writes; plain Python.

`files` opens a file by its contents: `rows` turns JSON and JSON lines into rows with their place,
`tables` CSV and Parquet, `containers` sessions, reports, logs and texts, `hub` the Hub's data sets.
`translate` converts rows of other formats to ours (`chat` does conversations). `problems` reads one
as a problem with solutions, `candidate_sets` with answers and recorded scores too, `labelled` and
`labelled_rows` the public step-labelled formats. `results` has the rows written for scored
candidates, and `atomic` makes a file appear complete or not at all.
"""
