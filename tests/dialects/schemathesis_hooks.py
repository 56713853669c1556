"""What the schema's own format means, for schemathesis: loaded by it through SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z]{1,12}(-[a-z0-9]{1,6})?", fullmatch=True)
ENDINGS = st.sampled_from(["", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".PNG"])

schemathesis.openapi.format(
    "public-https-url",
    st.builds("https://{}.example.com/{}{}".format, NAMES, NAMES, ENDINGS),
)
