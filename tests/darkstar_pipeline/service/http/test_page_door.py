"""Both pages stand in one frame, and a page that does not fit it is refused when the service starts."""

from pathlib import Path

import pytest

from darkstar_pipeline.service.fleet.routes.pages import PAGE as FLEET_PAGE
from darkstar_pipeline.service.http.page_door import framed_page
from darkstar_pipeline.service.http.routes.pages import PAGE as HOME_PAGE


@pytest.mark.parametrize("folder", [HOME_PAGE, FLEET_PAGE], ids=["home", "fleet"])
def test_a_page_is_a_whole_document_in_the_frame(folder: Path) -> None:
    page = framed_page(folder / "index.html")
    for once in ("<title>", "</head>", '<main id="main"', "</main>", '<form id="login">', "</html>"):
        assert page.count(once) == 1, once
    assert "<!--" not in page
    assert page.index("style.css") < page.index("</head>") < page.index('id="content"') < page.index("</main>")


def test_a_page_with_another_place_is_refused(tmp_path: Path) -> None:
    written = (HOME_PAGE / "index.html").read_text(encoding="utf-8")
    other = tmp_path / "index.html"
    for text in (written.replace("<!-- login -->", ""), f"{written}<!-- foot -->\n"):
        other.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="other places"):
            framed_page(other)
