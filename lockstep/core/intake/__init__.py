"""What gateway and api share to take orders: forms and their checks, codes, listings, clients' orders, the ingress."""
