"""Facts: what the pure functions make of bytes, objects and histories."""
