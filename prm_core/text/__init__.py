"""A solution's text and its steps; plain Python.

`steps` cuts a text by a rule, or finds the rule that its author followed; `labels` knows "Step 3:"
and other labels of steps, `lists` and `parts` numbered and marked parts, `tags` thinking tags and
end tokens, `line_ends` line ends that are written out, `protected` what is never cut (code, tables,
mathematics), `sentence_ends` which full stops end a sentence, `limits` how much is read at once.
"""
