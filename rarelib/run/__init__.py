"""One run on disk: names of files, whole writes, finished parts, progress; it knows no picture and no model."""
