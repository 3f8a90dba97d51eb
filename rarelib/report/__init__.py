"""What a run leaves for people: folders of crops, JSON, statistics, one HTML file; it scores nothing."""
