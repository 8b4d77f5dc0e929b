"""Call AWS: sessions, one client, errors, the rate limit, ARNs."""
