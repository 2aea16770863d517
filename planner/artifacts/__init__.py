"""Files of trained models: bundles, tree ensembles, atomic writes."""
