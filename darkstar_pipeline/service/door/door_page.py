"""The few words of the door itself: a form for the token, and the way in and out. No scripts, nothing foreign."""

from starlette.responses import HTMLResponse

DOOR_PATH = "/darkstar-door"
PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",  # without a referrer browsers send the form with `Origin: null`
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_STYLE = """
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { box-sizing: border-box; width: min(26rem, 100%); padding: 1.5rem; }
form { display: grid; gap: .75rem; }
input, button { font: inherit; padding: .6rem .75rem; box-sizing: border-box; width: 100%; min-height: 2.75rem; }
code { overflow-wrap: anywhere; }
.problem { border-left: .25rem solid; padding-left: .75rem; font-weight: 600; }
"""
_FORM = f"""
<p>Open the link that <code>darkstar ui</code> printed, or log in with the token.
It is in the file <code>service/token</code> of the state folder, unless <code>DARKSTAR_TOKEN</code> or
<code>service.token_file</code> names another.</p>
<form method="post" action="{DOOR_PATH}/login">
<input type="text" name="username" autocomplete="username" value="darkstar" hidden>
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>"""
_WAY_OUT = f"""
<p>You are logged in. <a href="/">Open the page</a></p>
<form method="post" action="{DOOR_PATH}/logout"><button>Log out</button></form>"""


def log_in_page(*, status: int = 200, problem: str = "", is_in: bool = False) -> HTMLResponse:
    """Return the form for the token, or the way out for those who are in.

    Args:
        status: of HTTP.
        problem: what went wrong, in our own words.
        is_in: whether a session is there.
    """
    said = f'<p class="problem" role="alert">{problem}</p>' if problem else ""
    return _page("Darkstar", f"<h1>Darkstar</h1>{said}{_WAY_OUT if is_in else _FORM}", status=status)


def go_on() -> HTMLResponse:
    """Return a page that opens the one behind the door.

    A redirect would not do: a browser that came from elsewhere sends no SameSite=Strict cookie with it.
    """
    return _page(
        "Darkstar", '<p>Logged in. <a href="/">Open the page</a></p>', '<meta http-equiv="refresh" content="0;url=/">'
    )


def _page(title: str, body: str, head: str = "", *, status: int = 200) -> HTMLResponse:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}<title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)
