"""From a folder or repository to a backbone and a tokenizer; torch from here on.

`device` chooses where and in which precision, `weight_files` reads tensors and refuses code,
`four_bit` packs and unpacks weights, `backbone` builds and fills the network, `adapters` merges
LoRA adapters into it, `packaged` finds the small backbone that comes with a Python package.
"""
