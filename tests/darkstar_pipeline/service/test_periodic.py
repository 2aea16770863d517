import threading

from darkstar_pipeline.service.periodic import PeriodicCheck


def test_check_is_called_again_after_a_mistake_and_no_more_when_stopped():
    calls, third = [], threading.Event()

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            third.set()
        message = "a mistake"
        raise RuntimeError(message)

    periodic = PeriodicCheck(check, name="test", first_seconds=0.0, seconds=0.01)
    periodic.start()
    assert third.wait(30)
    periodic.stop(timeout=30)
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]
