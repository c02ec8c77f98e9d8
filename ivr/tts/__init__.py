"""Text to speech: providers behind one interface, normalised files in a cache (CTI-I17)."""
