"""Search guided step by step: a generator writes, a PRM judges, a tree of steps grows.

`ways` has best of n, beam search and diverse verifier tree search; `engine` the loop that all three
share, as an iterator of events; `tree` what grows, with its settings, as versioned JSON. Generators
are in `generators` (a server, asked by `prm_core.continuations`) and `local_generator` (a model in
this process, the only module here that needs torch). `results` makes a session of grown trees,
`compare` says what differs between two, `runs` keeps trees in files, and `report` measures
accuracy against generated tokens.
"""
