"""Genuine Apache Kafka for tests: one that is there already, in a container, or from its jars."""
