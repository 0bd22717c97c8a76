"""The venue's own REST API, `/v1`: people's logins, keys, accounts and orders, in the venue's own terms."""
