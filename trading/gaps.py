"""Missing frames: which frame may be folded after the last one, and what is known from it on.

The one rule for every reader of the stream. A frame follows when its sequence is the next. After
missing frames every book may have changed, so frames are left out until the next keyframe, which
repeats all books; it carries a gap that begins where the reader's knowledge ends, and a symbol
whose book it does not repeat is stale. Until then the market stays as of the last frame that followed.
"""

from __future__ import annotations

from msgspec import structs

from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, STALE, Frame, Gap
from trading.market import Market

MISSING_FRAMES = "the stream no longer held these frames"


def foldable(frame: Frame, market: Market) -> Frame | None:
    """Return ``frame`` as ``market`` may fold it next; None: it must be left out.

    A market without a frame takes any: it knows no book that could be wrong. A frame at or before
    the market's is not folded again.
    """
    if frame.sequence == market.sequence + 1 or market.sequence == 0:
        return frame
    if frame.sequence <= market.sequence or not frame.is_keyframe:
        return None
    if frame.gap is not None and frame.gap.from_ns <= market.time_ns:
        return frame  # the feed's own gap spans all that is missing
    opened_ns = frame.time_ns - FRAME_INTERVAL_MS * NS_PER_MS
    gap = Gap(market.time_ns, opened_ns, MISSING_FRAMES)
    unknown = {symbol: STALE for symbol in market.snapshot().instruments if symbol not in frame.books}
    return structs.replace(frame, gap=gap, statuses=frame.statuses | unknown)
