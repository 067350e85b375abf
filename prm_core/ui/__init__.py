"""The page; the only package that imports gradio.

`page` assembles it and runs a Score, `models` holds the loaded model, `line`, `gate` and `sessions`
share the machine between visitors, `board` makes what the browser draws, `words` phrases errors for
the page. Scripts and styles are in `assets/page`.
"""
