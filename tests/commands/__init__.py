"""Commands that people are told to paste, held to what az and kubectl take."""
