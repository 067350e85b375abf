"""Every file that the project reads or writes; plain Python.

`rows` turns JSON and JSON lines into rows with their place, `tables` CSV and Parquet, and `files`
opens them by name. `problems` reads a row as a problem with solutions, `candidate_sets` with
answers and recorded scores too, `labelled` the public step-labelled formats. `results` is what is
written of scored candidates, and `atomic` lets a file appear complete or not at all.
"""
