"""The style of the report's page, and its hash, by which the service's policy of content allows this style alone."""

import base64
import hashlib

STYLE = (
    ":root{color-scheme:light}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:left}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%;height:auto}"
    "li{margin-left:1.2rem}"
)
STYLE_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
