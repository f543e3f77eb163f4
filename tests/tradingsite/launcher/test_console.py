import errno
import io
import logging
import os

import pytest
import structlog

from tradingsite.launcher.console import Console, level_of
from tradingsite.logs import LEVELS, logging_config, render_line


def shown(draw, *, colour=False):
    screen = io.StringIO()
    draw(Console(out=screen, colour=colour))
    return screen.getvalue()


def test_a_line_is_prefixed_with_the_name_of_its_child():
    assert shown(lambda console: console.line("feed", "INFO marketdata connected")) == (
        "feed       | INFO marketdata connected\n"
    )


def test_a_traceback_keeps_the_colour_of_the_error_it_belongs_to():
    def draw(console):
        console.line("web", "ERROR django it broke")
        console.line("web", '  File "x.py", line 3')

    first, second = shown(draw, colour=True).splitlines()

    assert "\x1b[31m" in first
    assert "\x1b[31m" in second


def test_what_a_child_writes_cannot_move_the_cursor_or_recolour_the_screen():
    assert shown(lambda console: console.line("worker-1", "INFO \x1b[2J\x1b[31mboo\x07")) == ("worker-1   | INFO boo\n")


def test_lesser_lines_of_a_chatty_child_are_kept_in_the_log_alone(tmp_path):
    def draw(console):
        console.keep_log(tmp_path / "logs" / "paddock.log")
        console.line("postgres", "LOG:  checkpoint starting", least="CRITICAL")

    assert shown(draw) == ""
    assert "postgres LOG:  checkpoint starting" in (tmp_path / "logs" / "paddock.log").read_text()


def test_a_secret_is_shown_and_not_kept(tmp_path):
    def draw(console):
        console.keep_log(tmp_path / "paddock.log")
        console.headline("Password  correct horse", secret=True)

    assert "correct horse" in shown(draw)
    assert "correct horse" not in (tmp_path / "paddock.log").read_text()


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("WARNING strategies slow", "WARNING"),
        ("FATAL:  could not open file", "ERROR"),
        ("17:M 22 Nov 2026 21:51:17.983 # Valkey is now ready to exit", "WARNING"),
        ("    raise ValueError", None),
    ],
)
def test_each_programs_own_spelling_of_a_level_is_understood(line, level):
    assert level_of(line) == level


@pytest.mark.parametrize("level", LEVELS)
def test_the_console_knows_every_level_that_our_logs_write(level):
    line = render_line(None, "", {"level": level.lower(), "logger": "trading", "event": "hello"})

    assert level_of(line) == level


def test_a_log_line_states_level_name_message_and_fields():
    event = {"level": "info", "logger": "marketdata.feed.feed", "event": "connected", "url": "ws://x", "note": "a b"}

    assert render_line(None, "", event) == "INFO marketdata.feed.feed connected url=ws://x note='a b'"


def test_json_lines_carry_the_same_event():
    config = logging_config(as_json=True, level="INFO")
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=config["formatters"]["line"]["processors"],
        foreign_pre_chain=config["formatters"]["line"]["foreign_pre_chain"],
    )

    line = formatter.format(logging.LogRecord("feed", logging.INFO, "", 0, "connected %s", ("x",), None))

    assert '"event": "connected x"' in line
    assert '"level": "info"' in line


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "no space left"), (errno.EROFS, "the disk is read-only")])
def test_a_log_that_cannot_be_written_is_said_once_and_the_lines_are_shown(tmp_path, monkeypatch, number, words):
    screen = io.StringIO()
    console = Console(out=screen, colour=False)
    console.keep_log(tmp_path / "logs" / "paddock.log")

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(console._log.stream, "write", refused, raising=False)
    monkeypatch.setattr(console._log, "shouldRollover", lambda _: False)
    for line in range(81):
        console.line("feed", f"INFO line {line}")

    assert screen.getvalue().count(f"WARNING the log is not written: {words}") == 1
    assert screen.getvalue().count("INFO line") == 81
    assert "Traceback" not in screen.getvalue()


def test_a_screen_that_is_full_or_gone_is_no_reason_to_stop():
    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    console = Console(out=Full(), colour=False)

    for _ in range(3):
        console.line("feed", "INFO frames flow")
