"""Every file that the project reads or writes; plain Python.

`files` opens a file by what it holds: `rows` turns JSON and JSON lines into rows with their place,
`tables` CSV and Parquet, `containers` sessions, reports, logs and texts, `hub` the Hub's data sets.
`translate` makes rows of ours of rows of other formats (`chat` of conversations). `problems` reads
one as a problem with solutions, `candidate_sets` with answers and recorded scores too, `labelled`
and `labelled_rows` the public step-labelled formats. `results` is what is written of scored
candidates, and `atomic` lets a file appear complete or not at all.
"""
