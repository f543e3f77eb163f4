"""How much speaks for an entry.

Three parts are added: volume, price and tape. What each case can reach, and what it must:

| zone, whale         | volume and price  | with the tape | least | great swings |
|---------------------|-------------------|---------------|-------|--------------|
| extreme, agrees     | 0.625 and more    | 0.725         | 0.45  | 0.50         |
| extreme, none seen  | 0.5975            | 0.6975        | 0.45  | 0.50         |
| plain, agrees       | 0.485 and more    | 0.585         | 0.50  | 0.55         |
| plain, none seen    | 0.4575            | 0.5575        | 0.50  | 0.55         |

So an extreme is enough, a plain zone needs a spike well above its bound or a tape that leans our way,
and the more of it the wilder the market.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import key

Part = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Confidence(msgspec.Struct, frozen=True):
    """Its parts and the least of it; 0 to 1."""

    least: Annotated[Part, key("confidence that an entry needs")] = 0.5
    less_in_extreme: Annotated[Part, key("what it needs less in an extreme zone")] = 0.05
    more_in_high: Annotated[Part, key("what it needs more while swings are great")] = 0.05
    volume: Annotated[Part, key("most that volume can add")] = 0.55
    whale: Annotated[Part, key("share of this for a whale that agrees")] = 0.5
    per_ratio: Annotated[Part, key("what each whole multiple above the spike's bound adds to that")] = 0.05
    no_whale: Annotated[Part, key("share of the volume's part while no whale is seen")] = 0.45
    extreme_zone: Annotated[Part, key("what an extreme zone adds")] = 0.35
    zone: Annotated[Part, key("what a plain zone adds")] = 0.21
    flow: Annotated[Part, key("most that a tape which leans our way can add")] = 0.1
    flow_share: Annotated[Part, key("share of the tape's lean that it adds")] = 0.2

    def of(self, *, spike_excess: float | None, is_extreme: bool, lean: float) -> float:
        """Return what speaks for an entry.

        ``spike_excess`` is the volume's ratio less the spike's bound, None while no whale is seen;
        ``lean`` is how far the tape leans our way, -1 to 1.
        """
        if spike_excess is None:
            volume = self.volume * self.no_whale
        else:
            volume = min(self.volume, self.volume * self.whale + spike_excess * self.per_ratio)
        price = self.extreme_zone if is_extreme else self.zone
        return volume + price + min(self.flow, max(0.0, lean) * self.flow_share)

    def needed(self, *, is_extreme: bool, is_wild: bool) -> float:
        """Return the least of it that an entry needs."""
        return self.least - self.less_in_extreme * is_extreme + self.more_in_high * is_wild
