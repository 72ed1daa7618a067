"""A node's files: host paths in, contents or the status that says why not out. It never follows a link in Python."""
