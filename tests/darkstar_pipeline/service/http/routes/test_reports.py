"""The report over HTTP says what the command says, and refuses months that are none."""

import base64
import hashlib
from datetime import timedelta

import pytest

from darkstar_pipeline.analyst.month_report import MonthReport
from darkstar_pipeline.context import Context
from tests.builders.metered_days import grade
from tests.builders.service_home import LONG_DAY, asking, made_engine, moment


@pytest.fixture
def metered(context: Context) -> Context:
    grade(context, [LONG_DAY])
    return context


def test_report_is_answered_as_values_page_and_pdf(metered: Context) -> None:
    engine, _ = made_engine(metered, moment(LONG_DAY + timedelta(days=1), 14))
    month = f"month={LONG_DAY:%Y-%m}"
    with asking(engine) as client:
        report = client.get(f"/report?{month}").json()
        assert set(report) == set(MonthReport.__dataclass_fields__)
        assert [day["day"] for day in report["days"]] == [LONG_DAY.isoformat()]
        savings = client.get(f"/savings?by=month&first={LONG_DAY}&last={LONG_DAY}").json()
        assert report["costs"]["actual"] == pytest.approx(savings["total"]["lived"])
        assert report["costs"]["no_sun"] == pytest.approx(savings["total"]["no_sun"])
        page = client.get(f"/report/page?{month}")
        assert page.headers["content-type"].startswith("text/html")
        assert "not in the costs" in page.text
        style = page.text.partition("<style>")[2].partition("</style>")[0]
        allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'self' 'sha256-{allowed}'" in page.headers["content-security-policy"], "it is shown styled"
        assert "<source media=" in page.text, "a phone has a picture of its own"
        assert client.get(f"/report/pdf?{month}").content.startswith(b"%PDF")
        assert client.get(f"/peaks?{month}").json()["charges"] == []


def test_months_that_are_none_are_refused_in_words(metered: Context) -> None:
    engine, _ = made_engine(metered)
    with asking(engine) as client:
        for path in ("/report", "/report/page", "/report/pdf", "/peaks"):
            for wrong in ("2026-13", "2026", "x", "0000-01", "9999-12", "2026-01-01"):
                answer = client.get(f"{path}?month={wrong}")
                assert answer.status_code == 422, (path, wrong, answer.text)
                assert answer.json()["error"]["message"]
        empty = client.get("/report?month=2024-01")
        assert (empty.status_code, empty.json()["error"]["code"]) == (404, "data_missing")
