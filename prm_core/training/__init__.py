"""Train a value-head PRM: on any causal backbone from labelled solutions, or from scratch.

options.py    the options of a run; no torch
api.py        `train` and `add_value_head`, for Python
tune.py       a backbone and labelled solutions: all weights, the head alone, or LoRA
shrink.py     a smaller backbone: fewer layers, fewer tokens, weights in 4 bits
spelling.py   one spelling for each sign of arithmetic, as a tokenizer's normaliser
scratch.py    the default model's recipe: own vocabulary, made problems, Muon
data.py       labelled files → rows, mixed by weight, and a validation part
rows.py       one row, and rows stacked into a batch
model.py      the module that is trained; shares `encode` and the read-out with scoring
loss.py       cross-entropy per step and its variants
optimizer.py  Muon and AdamW as one
engine.py     transformers' Trainer with our averages, files and metrics
saving.py     checkpoints to resume from, and the finished model
card.py       the model card
"""
