"""The cluster agent: one API server, its nodes and Azure."""
