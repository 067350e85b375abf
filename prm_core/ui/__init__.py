"""The page; the only package that imports gradio.

`page` puts it together and runs a Score, `models` holds the model that is loaded, `line`, `gate`
and `sessions` share the machine between visitors, `board` makes what the browser draws, `words`
puts errors for the page. Scripts and styles are in `assets/page`.
"""
