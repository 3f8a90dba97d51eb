"""The demo world: driving scenes that the library draws itself, with known truth, and small models trained on it."""
