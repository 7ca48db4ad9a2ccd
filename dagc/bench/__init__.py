"""Load on a running service, its answers checked, and what its parts cost: for `dagc bench` and `dagc profile`."""
