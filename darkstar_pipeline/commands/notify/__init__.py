"""`darkstar notify …`: the ways in which a person is told what is broken and what is mended."""
