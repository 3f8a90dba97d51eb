"""A world of drawn streets with known truth and two small models of its own; nothing else imports it but a demo run."""
