"""What a person reads in a browser: facts and findings in, HTML out. Everything is escaped."""
