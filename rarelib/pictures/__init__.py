"""Picture files and boxes in them: listed, decoded, cut, compared; this room knows arrays and no model."""
