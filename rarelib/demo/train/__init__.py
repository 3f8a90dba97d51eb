"""The demo world's two small models, trained on its own scenes: `python -m rarelib.demo.train`."""
