"""A picture of Grafana's dashboard, without Grafana: its panels, drawn from a real Prometheus."""
