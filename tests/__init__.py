"""The tests: each folder mirrors a package of the product or names what it tries."""
