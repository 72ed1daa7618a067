"""The agents: the only places that join the layers, start threads and read the clock."""
