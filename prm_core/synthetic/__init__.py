"""Endless arithmetic problems whose right and wrong steps are labelled.

solution.py   a plan, the errors put into it, and the labels that follow
phrases.py    ways to put a step into words
problems.py   the kinds of problems, as plans
gsm8k.py      GSM8K's solutions, as plans
stream.py     what training sees, and what it never sees
halves.py     which problems of a measured set may be learnt from
"""
