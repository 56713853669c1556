"""Media: what users send in, and what engines give back. Nothing here owns a table.

`proof` shows that an output is what was asked for, `last_frame` makes a picture of its end, `previews` those to
show it by. `inputs` fetches what a request points to and gives engines plain files only; `sandbox` runs `decoding`
in a process of its own, because the bytes are a stranger's.
"""

from seedbed.media.last_frame import save_last_frame as save_last_frame
from seedbed.media.previews import save_previews as save_previews
from seedbed.media.proof import Audio as Audio
from seedbed.media.proof import Video as Video
from seedbed.media.proof import check_output as check_output
from seedbed.media.proof import probe_output as probe_output
