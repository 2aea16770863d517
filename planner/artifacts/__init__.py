"""What a trained policy is as files."""
