"""dagster-ray's launcher of runs, with a command that a shell reads as it was meant.

The launcher puts the last argument, a JSON document, between single quotes as it is; a document that holds one itself,
as it does where `dagster.yaml` has any, ends there. Imported only where it is configured: dagster-ray comes with the
extra `fleet`.
"""

import shlex

from dagster import DagsterRun
from dagster_ray.core.run_launcher import RayRunLauncher

_BEFORE = " '"


class QuotedRayRunLauncher(RayRunLauncher):
    """Starts Dagster's runs as Ray jobs."""

    def _launch_ray_job(self, submission_id: str, entrypoint: str, run: DagsterRun) -> None:
        """Submit a job, its last argument quoted for a shell.

        Args:
            submission_id: name of the job.
            entrypoint: words without quotes, then one between single quotes.
            run: the run.
        """
        words, _, last = entrypoint.partition(_BEFORE)
        super()._launch_ray_job(submission_id, f"{words} {shlex.quote(last[:-1])}", run)
