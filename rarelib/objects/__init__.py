"""Pictures become objects, and objects become vectors; what is rare among them is not this room's concern."""
