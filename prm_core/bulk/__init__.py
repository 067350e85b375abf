"""Files of any size, scored in pieces that survive a crash; on one machine or with Ray.

`run` reads, scores and writes piece by piece, `ray` does the same on a cluster; `pieces` is the
folder with the finished pieces until all are done.
"""
