"""What the schema's formats mean, for schemathesis: loaded by it through SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import base64

import schemathesis
from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z]{1,12}(-[a-z0-9]{1,6})?", fullmatch=True)
ENDINGS = st.sampled_from(["", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".PNG"])

schemathesis.openapi.format(
    "public-https-url",
    st.builds("https://{}.example.com/{}{}".format, NAMES, NAMES, ENDINGS),
)

for kind, endings in {"video": ["", ".mp4", ".mov", ".M4V"], "audio": ["", ".mp3", ".WAV"]}.items():
    schemathesis.openapi.format(
        f"public-https-{kind}-url",
        st.builds("https://{}.example.com/{}{}".format, NAMES, NAMES, st.sampled_from(endings)),
    )

MEDIUM = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"
)
"""A picture of one white pixel: a schema cannot say which bytes are a medium, so this is the one that is sent."""

schemathesis.openapi.format("binary", st.just(MEDIUM))
schemathesis.openapi.format("data-url-of-image", st.just(f"data:image/png;base64,{base64.b64encode(MEDIUM).decode()}"))
