"""From lake to plan inputs."""
