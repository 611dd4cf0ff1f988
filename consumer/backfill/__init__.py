"""Old events brought in behind live traffic: read, looked at, and taken into the ledger."""
