"""The tour: what a stranger would type from a fresh clone to a new image and back, with checks.

`tour.md` says what is typed and what must hold, and `script` reads it; `walk` does it in a `shell`;
`house` gives it a place of its own and takes that away again; `page` writes down what came of it.
"""
