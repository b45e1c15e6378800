"""Running networks: `open.open_model` opens one, `model_cache.ModelCache` keeps those in use."""
