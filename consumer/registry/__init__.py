"""The schema registry: its HTTP API, its schemas, and what is known of them."""
