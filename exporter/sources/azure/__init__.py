"""Azure Resource Manager: the only imports of `azure`. It never writes to Azure."""
