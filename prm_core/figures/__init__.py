"""Figures and how numbers are shown: colours, bands, rounding, and Plotly's bars; plain Python."""
