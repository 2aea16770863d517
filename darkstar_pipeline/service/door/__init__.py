"""One guarded door for Dagster's and MLflow's pages, which have no log-in of their own."""
