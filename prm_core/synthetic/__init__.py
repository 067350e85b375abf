"""Endless arithmetic problems whose right and wrong steps are labelled.

solution.py   a plan, the errors put into it, and the labels that follow
equations.py  formulas in a plan's words, and how they go wrong
phrases.py    ways to put a step into words
problems.py   the kinds of problems, as plans
scenes.py     problems as people put them, in a few words each
styles.py     the same solution as different people type it
gsm8k.py      GSM8K's solutions, as plans
stream.py     what training sees, and what it never sees
halves.py     which problems of a measured set may be learnt from
"""
