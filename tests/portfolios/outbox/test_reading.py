"""The stream is read whole and in order, in whatever order transactions commit."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from portfolios.models import Message, MessageKind
from portfolios.outbox.reading import (
    BEGINNING,
    StreamCursor,
    UnknownCursor,
    cursor_named,
    messages_after,
    newest_cursor,
    remove_old_messages,
)
from tests.following import elsewhere, write

pytestmark = pytest.mark.django_db(transaction=True)


def numbers_after(position: StreamCursor) -> list[int]:
    return [Message.objects.get(pk=each.cursor.id).data["number"] for each in _read(position).messages]


def _read(position: StreamCursor):
    return messages_after(position, limit=1_000)


def test_a_message_committed_late_with_a_lower_id_is_not_skipped():
    with elsewhere(lambda: write(1)):
        write(2)
        before = _read(BEGINNING)
    after = _read(before.cursor)

    assert before.messages == []
    assert before.is_more_to_come
    assert [each.cursor.id for each in after.messages] == sorted(Message.objects.values_list("pk", flat=True))
    assert not after.is_more_to_come


def test_a_transaction_that_only_reads_holds_nothing_up():
    with elsewhere(lambda: list(Message.objects.all())):
        write(1)

        assert numbers_after(BEGINNING) == [1]


def test_what_was_rolled_back_is_never_read():
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    write(2)

    assert numbers_after(BEGINNING) == [2]


def test_a_reader_reads_each_message_once_while_many_write():
    def trade(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for number in range(25):
                with transaction.atomic(), connection.cursor() as cursor:
                    # Something else is written first, and something else last, each in its own time.
                    cursor.execute("SELECT pg_current_xact_id(), pg_sleep(%s)", [dice.random() / 100])
                    write(seed * 100 + number)
                    cursor.execute("SELECT pg_sleep(%s)", [dice.random() / 100])
        finally:
            connections.close_all()

    writers = [threading.Thread(target=trade, args=(seed,)) for seed in range(6)]
    for writer in writers:
        writer.start()
    position, read = BEGINNING, []
    while any(writer.is_alive() for writer in writers) or _read(position).messages:
        reading = messages_after(position, limit=7)
        read += [each.cursor for each in reading.messages]
        position = reading.cursor

    assert read == sorted(read)
    assert sorted(each.id for each in read) == sorted(Message.objects.values_list("pk", flat=True))
    assert [each.id for each in read] != sorted(each.id for each in read), "some were written out of their order"


def test_the_place_reached_is_where_the_next_message_is_found():
    write(1)
    position = newest_cursor()

    write(2)

    assert numbers_after(position) == [2]
    assert numbers_after(cursor_named(position.text)) == [2]


def test_a_place_some_messages_back_is_the_beginning_when_there_are_not_so_many():
    write(1, 2, 3)

    assert numbers_after(newest_cursor(back=2)) == [2, 3]
    assert newest_cursor(back=3) == BEGINNING


@pytest.mark.parametrize("cursor", ["", "1", "1-", "-1-2", "1-2-3", "a-b", "٣-٣", f"{2**63}-1", f"{2**62}-7", "9" * 80])
def test_what_is_no_cursor_of_ours_is_refused(cursor):
    with pytest.raises(UnknownCursor, match="expected"):
        cursor_named(cursor)


def test_a_reader_behind_what_was_removed_is_sent_a_gap():
    write(1, 2, 3, 4, 5)
    places = [each.cursor for each in _read(BEGINNING).messages]

    removed = remove_old_messages(before=timezone.now() - timedelta(hours=1), most=2)

    assert removed == 2
    assert [each.kind for each in _read(places[0]).messages] == [MessageKind.FORGOTTEN, "fill", "fill"]
    assert _read(places[0]).messages[0].cursor == places[2]
    assert numbers_after(places[2]) == [4, 5]


def test_messages_beyond_their_age_are_removed_and_it_is_safe_to_repeat():
    write(1, 2)
    Message.objects.update(written_at=timezone.now() - timedelta(hours=3))
    write(3)

    for _ in range(2):
        remove_old_messages(before=timezone.now() - timedelta(hours=2), most=1_000)

    assert [each.kind for each in _read(BEGINNING).messages] == [MessageKind.FORGOTTEN, "fill"]


def test_messages_that_may_not_be_read_yet_are_not_removed():
    with elsewhere(lambda: write(1)):
        write(2)
        remove_old_messages(before=timezone.now() + timedelta(hours=1), most=0)

    assert numbers_after(BEGINNING) == [2, 1] or numbers_after(BEGINNING) == [1, 2]


def test_messages_restored_from_another_server_are_removed():
    write(1)
    Message.objects.update(xid=2**50)
    write(2)

    remove_old_messages(before=timezone.now() - timedelta(hours=1), most=1_000)

    assert numbers_after(BEGINNING) == [2]
