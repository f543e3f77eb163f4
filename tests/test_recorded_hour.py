"""An hour of the simulated market, recorded while a league trades on it, and played again: the same, byte for byte."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from marketdata.framing.listener import Listener
from marketdata.recording.folders import files_in
from marketdata.recording.reading import recorded_frames
from marketdata.recording.recorder import Recorder
from marketdata.simulation.session import Session
from strategies.league.files import deployment_fields
from strategies.league.replay import new_engine, replay
from strategies.models import Deployment
from tests.leagues import restless_league
from tests.marketdata.virtual_exchange import CoarseMarket
from trading.engine import Engine
from trading.exchange.evidence import rederived
from trading.fills import Fill, digest
from trading.frames import NS_PER_S, Frame, encode_frame
from trading.market import Market

pytestmark = pytest.mark.slow
BEGIN_NS = 1_783_425_600 * NS_PER_S
TICK_NS = NS_PER_S // 10
HOUR_S = 3_600
OUTAGE_S = range(1_800, 1_812)  # nobody is connected
MARKET = CoarseMarket(1)


class Hour:
    """Listens to the simulated exchange in virtual time; what is received is recorded and traded on at once."""

    def __init__(self, root: Path, engines: list[Engine]) -> None:
        self.recorder = Recorder(root, "simulated:1", tuple(MARKET.pairs), rotate_bytes=2 << 20, max_bytes=1 << 30)
        self.listener = Listener(tuple(MARKET.pairs), recorder=self.recorder)
        self.market = Market()
        self.engines = engines
        self.frames = sha256()
        self.count = 0
        self.fills: list[tuple[str, Fill]] = []
        self._session: Session | None = None

    def live_through(self) -> None:
        self.recorder.start()
        for tick in range(HOUR_S * 10):
            second, now_ns = tick // 10, BEGIN_NS + tick * TICK_NS
            if second in OUTAGE_S:
                self._disconnect(now_ns)
            elif self._session is None:
                self._connect(now_ns)
            self._receive(now_ns, is_second=tick % 10 == 0)
        assert self.recorder.stop(60)

    def _connect(self, now_ns: int) -> None:
        self._session = Session(MARKET, now_ns)
        self.listener.connected(now_ns)
        for message in self._session.greeting():
            self._take(self.listener.receive(message, now_ns))

    def _disconnect(self, now_ns: int) -> None:
        if self._session is not None:
            self._session = None
            self._take(self.listener.pass_time(now_ns))
            self.listener.disconnected("the line was cut")

    def _receive(self, now_ns: int, *, is_second: bool) -> None:
        if self._session is not None:
            messages = self._session.advance(now_ns)
            messages += [answer for request in self.listener.outgoing() for answer in self._session.receive(request)]
            for message in messages:
                self._take(self.listener.receive(message, now_ns))
        self._take(self.listener.pass_time(now_ns))
        if is_second:
            self.listener.check(now_ns)

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.frames.update(encode_frame(frame))
            self.count += 1
            self.market.fold(frame)
            for engine in self.engines:
                fills = engine.process(frame, self.market.snapshot()).fills
                self.fills += [(engine.terms.slug, fill) for fill in fills]


def league() -> list[Engine]:
    return [new_engine(Deployment(**deployment_fields(entry))) for entry in restless_league().deployments]


def test_a_recorded_hour_gives_the_frames_and_the_fills_that_were(tmp_path: Path) -> None:
    lived = Hour(tmp_path, league())
    lived.live_through()

    replayed = sha256()
    for frame in recorded_frames(tmp_path):
        replayed.update(encode_frame(frame))
    again = replay(league(), tmp_path)

    assert len(files_in(tmp_path)) > 1
    assert lived.count > HOUR_S * 10 - 20
    assert replayed.hexdigest() == lived.frames.hexdigest()
    assert (again.frames, again.fills) == (lived.count, len(lived.fills))
    assert again.fills_sha256 == digest(lived.fills)
    assert again.fills > 100
    derived = [rederived(fill) for _, fill in lived.fills]
    assert [derivation.steps for derivation in derived if not derivation.is_verified][:3] == []
