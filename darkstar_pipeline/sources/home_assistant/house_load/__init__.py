"""The load of the house where no sensor measures just that: by balance, or without planned loads that it holds."""
