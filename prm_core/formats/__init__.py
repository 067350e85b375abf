"""Every file that the project reads or writes; plain Python.

`files` opens by name and reads rows with their place, `problems` turns a row into a problem with
solutions, `candidate_sets` reads them with answers and recorded scores, `labelled` the public
step-labelled formats, `results` writes what was scored.
"""
