"""rarelib finds, ranks and explains the rare and the strange among the objects in driving pictures."""

__version__ = "0.2.1"
