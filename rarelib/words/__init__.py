"""Names of things: split into words, matched, sorted into what any road is full of and what not; knows no table of a run.

Nothing above the ground is known here: names and lists in, words and numbers out.
"""
