"""What a fleet's lake costs: requests, seconds and bytes in a folder and on an S3 server of this machine."""
