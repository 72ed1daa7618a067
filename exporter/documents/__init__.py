"""Facts and findings in, the JSON documents of /facts out: typed, times in Unix seconds, null where not known."""
