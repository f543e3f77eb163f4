"""Problems of servers, disk, clocks and the market. Each rule returns a cause, or None."""

from __future__ import annotations

from dashboard.feed.trust import trust_words
from dashboard.page.banner import START_A_FEED, Tone
from dashboard.system.causes import Cause
from dashboard.system.state import SystemState

DISK_SHORT_BYTES, DISK_OUT_BYTES = 5 * 10**9, 500 * 10**6
CONNECTIONS_SHARE = MEMORY_SHARE = 0.9
LONG_TRANSACTION_S = 300.0
CLOCK_OFF_S = 1.0
EXCHANGE_CLOCK_OFF_S = 2.0
BACKUP_OLD_DAYS = 8
KEEP_KEYS = "raise maxmemory, and set maxmemory-policy to noeviction"
DOCTOR = "run manage.py doctor on this machine"


def database_is_away(state: SystemState) -> Cause | None:
    if state.database is not None:
        return None
    return Cause(
        code="database-away",
        tone=Tone.BAD,
        what="The database does not answer",
        so="nothing is saved, and workers stop",
        do=f"check that PostgreSQL runs and DATABASE_URL is correct; {DOCTOR}",
    )


def redis_is_away(state: SystemState) -> Cause | None:
    if state.redis is not None:
        return None
    return Cause(
        code="redis-away",
        tone=Tone.BAD,
        what="Redis does not answer",
        so="no frames reach the workers; feed and jobs unknown",
        do=f"check that Redis or Valkey runs and REDIS_URL is correct; {DOCTOR}",
    )


def disk_is_full(state: SystemState) -> Cause | None:
    if state.disk is None or state.disk.free_bytes >= DISK_SHORT_BYTES:
        return None
    is_out = state.disk.free_bytes < DISK_OUT_BYTES
    return Cause(
        code="disk-full",
        tone=Tone.BAD if is_out else Tone.WARNING,
        what=f"The disk of {state.disk.folder} has {state.disk.free_bytes / 1e9:.1f} GB left",
        so="recordings and the database will soon fail" if is_out else "",
        do="delete old recordings, or lower PADDOCK_RECORDINGS_MAX_GB",
    )


def market_data_is_not_ok(state: SystemState) -> Cause | None:
    if state.redis is None:
        return None
    words = trust_words(state.feed)
    if words.tone is Tone.GOOD:
        return None
    if state.feed is None:
        since = state.last_seen.get("feed")
        so = "no market data, nothing is traded"
        return Cause(code="no-feed", tone=Tone.BAD, what="No feed running", since=since, so=so, do=START_A_FEED)
    do = words.do or "see the feed page"
    return Cause(code="market", tone=words.tone, what=words.sentence.removesuffix("."), do=do)


def database_is_strained(state: SystemState) -> Cause | None:
    database = state.database
    if database is None:
        return None
    if database.connections >= CONNECTIONS_SHARE * database.most_connections:
        what = f"{database.connections} of the database's {database.most_connections} connections are in use"
        so = "the next process may fail to connect"
        return Cause(
            code="connections",
            tone=Tone.WARNING,
            what=what,
            so=so,
            do="raise max_connections, or close idle ones",
        )
    if (database.oldest_transaction_s or 0.0) > LONG_TRANSACTION_S:
        what = f"A database transaction has been open for {(database.oldest_transaction_s or 0.0) / 60:.0f} minutes"
        so = "the database cannot vacuum"
        return Cause(code="transaction", tone=Tone.WARNING, what=what, so=so, do="find its session in pg_stat_activity")
    return None


def redis_is_strained(state: SystemState) -> Cause | None:
    redis = state.redis
    if redis is None or redis.most_bytes is None or redis.bytes < MEMORY_SHARE * redis.most_bytes:
        return None
    what = f"Redis uses {redis.bytes / redis.most_bytes:.0%} of its memory limit"
    so = "frames will be rejected or dropped"
    return Cause(code="redis-memory", tone=Tone.WARNING, what=what, so=so, do="raise maxmemory")


def redis_evicts(state: SystemState) -> Cause | None:
    redis = state.redis
    if redis is None or not (redis.evicted_keys and redis.evicts):
        return None
    what = f"Redis has evicted {redis.evicted_keys:,} keys for want of memory"
    return Cause(code="redis-evicts", tone=Tone.BAD, what=what, so="frames may be lost", do=KEEP_KEYS)


def redis_is_not_saved(state: SystemState) -> Cause | None:
    if state.redis is None or state.redis.is_saved:
        return None
    what, so = "Redis cannot write to its disk", "it refuses frames, or loses them with its process"
    return Cause(code="redis-disk", tone=Tone.BAD, what=what, so=so, do="free space on its disk; its log says more")


def backup_is_old(state: SystemState) -> Cause | None:
    """Warn only where backups were made before; others may use other tools."""
    if state.backup is None or (state.now - state.backup.at).days < BACKUP_OLD_DAYS:
        return None
    return Cause(
        code="backup",
        tone=Tone.WARNING,
        what=f"The last backup is {(state.now - state.backup.at).days} days old",
        so="newer data would be lost with the disk",
        do="run manage.py backup, and check why the scheduled backup stopped",
    )


def clocks_disagree(state: SystemState) -> Cause | None:
    if state.database is None or abs(state.database.clock_ahead_s) < CLOCK_OFF_S:
        return None
    way = "ahead of" if state.database.clock_ahead_s > 0 else "behind"
    return Cause(
        code="clock",
        tone=Tone.WARNING,
        what=f"This machine's clock is {abs(state.database.clock_ahead_s):.1f} s {way} the database's",
        so="ages on the pages are wrong",
        do="synchronise both to a time server",
    )


def versions_differ(state: SystemState) -> Cause | None:
    versions = sorted({process.version for process in state.processes or () if process.version})
    if len(versions) < 2:
        return None
    return Cause(
        code="versions",
        tone=Tone.WARNING,
        what=f"Processes run different Paddock versions: {', '.join(versions)}",
        do="restart those with the older version",
    )
