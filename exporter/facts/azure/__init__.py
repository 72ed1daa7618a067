"""What Azure says: Resource Manager's JSON and names in, frozen facts out."""
