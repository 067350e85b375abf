"""Candidates in, probabilities out.

`trie` decides which tokens run where, `attention` and `packed_forward` compute one pass over a
pack, `prefix_cache` keeps what the next call can use; `local` has the scorer of a loaded model,
`load` has `load_scorer`, and `served` the scorer of a model on a vLLM server.
"""
