"""What `check` prints: facts and findings in, a report for a person and an exit status out. Pure."""
