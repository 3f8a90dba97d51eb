"""How data lies on disk: known layouts, their labels and videos, told apart and brought to the tables of a run."""
