"""The ECG preparation check: will the physician's ECG be good? It never interprets the heart.

`verdict`, `leads` and `advice` are plain records and words that any process may import. `check`,
`stream` and what they lean on compute with numpy and scipy, in a process of their own.
"""
