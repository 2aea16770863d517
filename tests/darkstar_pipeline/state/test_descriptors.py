import resource

from darkstar_pipeline.state.descriptors import MOST_DESCRIPTORS, raise_descriptor_limit


def test_limit_is_raised_to_what_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        allowed = MOST_DESCRIPTORS if before[1] == resource.RLIM_INFINITY else min(before[1], MOST_DESCRIPTORS)
        assert raise_descriptor_limit() == allowed
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, before[1])
        assert raise_descriptor_limit() == allowed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
