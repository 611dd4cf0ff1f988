"""State machines: random walks over the parts that hold state, each beside a simple model."""
