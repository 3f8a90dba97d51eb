"""How far to believe a ranking: an audit without labels, an evaluation with truth; it makes no ranking of its own."""
