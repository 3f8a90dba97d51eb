"""What a person types: commands, their options and their exit codes; the work is done in the rooms below."""
