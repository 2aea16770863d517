import io
import sys

import pytest

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("as_json", "stream"), [(True, Terminal()), (False, io.StringIO())])
def test_progress_bar_stays_away_when_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, *, as_json: bool, stream: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar(Call(site=None, json=as_json, out=io.StringIO()), "days") as progress:
        assert progress is None
    assert stream.getvalue() == ""


def test_progress_bar_shows_how_far_it_is_when_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, out = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar(Call(site=None, json=False, out=out), "days") as progress:
        assert progress is not None
        progress(3, 7)
    assert "days" in stream.getvalue()
    assert "3/7" in stream.getvalue()
    assert out.getvalue() == ""
