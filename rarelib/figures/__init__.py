"""Tables in, Figure out, in English and Japanese; this room saves no file and computes no score."""
