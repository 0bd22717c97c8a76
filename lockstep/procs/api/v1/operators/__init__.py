"""`/v1/operator`: what operators do and auditors look at, one module a noun. The router decides each command."""
