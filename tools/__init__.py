"""Generators and installers for developers. Not shipped in the image."""
