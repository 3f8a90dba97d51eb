"""From tables and vectors to scores, ranks and reasons; this room opens no file and knows no model."""
