"""Facts: bytes or JSON in, frozen dataclasses out. Pure: nothing here opens a file, a socket or reads the clock."""
