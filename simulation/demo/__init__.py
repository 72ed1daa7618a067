"""`make demo`: the simulated cluster, real agents against it, and a table of what they say."""
