"""What the docker provider and the sandbox share: the engine, its edge proxy, records, secrets."""
