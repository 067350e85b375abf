"""A folder or a repository becomes a backbone and a tokenizer; torch from here on.

`device` chooses where and in which precision, `weight_files` reads tensors and refuses code,
`backbone` builds and fills the network, `adapters` merges what was trained beside it, `packaged`
finds the small backbone that comes with a Python package.
"""
