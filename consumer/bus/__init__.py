"""The bus: Kafka, or an embedded log; one port, two adapters."""
