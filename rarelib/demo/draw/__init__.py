"""The demo world: scenes drawn with known truth, from numbers alone; it knows no model and no run."""
