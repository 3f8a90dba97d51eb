"""Names of things: split into words, matched, and known as what any road is full of or not; knows no table of a run."""
