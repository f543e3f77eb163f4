from django.db import migrations, models
from django.db.models import Value
from django.db.models.functions import Concat, Left, Replace, StrIndex, Substr

RENAMED = {"connected": "connect", "disconnected": "disconnect", "trade_gap": "gap"}
BOOK = "book_"  # before what was wrong with it, which the detail now begins with
DETAIL_LENGTH = 500


def close_the_vocabulary(apps, schema_editor):
    events = apps.get_model("marketdata", "FeedEvent").objects
    for old, new in RENAMED.items():
        events.filter(kind=old).update(kind=new)
    # Of one statement, every expression reads the row as it was.
    events.filter(kind__startswith=BOOK).update(
        kind="resync",
        detail=Left(Concat(Replace("kind", Value(BOOK), Value("")), Value(": "), "detail"), DETAIL_LENGTH),
    )


def open_it_again(apps, schema_editor):
    events = apps.get_model("marketdata", "FeedEvent").objects
    for old, new in RENAMED.items():
        events.filter(kind=new).update(kind=old)
    colon = StrIndex("detail", Value(": "))
    events.filter(kind="resync", detail__contains=": ").update(
        kind=Concat(Value(BOOK), Left("detail", colon - 1)), detail=Substr("detail", colon + 2)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0002_candles_of_every_timeframe"),
    ]

    operations = [
        migrations.RunPython(close_the_vocabulary, open_it_again),
        migrations.AlterField(
            model_name="feedevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("connect", "connect"),
                    ("disconnect", "disconnect"),
                    ("resync", "resync"),
                    ("gap", "gap"),
                    ("repair", "repair"),
                    ("stale", "stale"),
                    ("lag", "lag"),
                    ("status", "status"),
                    ("refused", "refused"),
                    ("bad_frame", "bad_frame"),
                    ("recording", "recording"),
                    ("standby", "standby"),
                    ("frames_lost", "frames_lost"),
                    ("late", "late"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="feedevent",
            name="symbol",
            field=models.CharField(blank=True, help_text="empty: the whole feed", max_length=30),
        ),
        migrations.AddIndex(
            model_name="feedevent",
            index=models.Index(fields=["market", "kind", "-time"], name="feed_events_of_a_kind"),
        ),
        migrations.AddIndex(
            model_name="feedevent",
            index=models.Index(fields=["market", "symbol", "-time"], name="feed_events_of_a_symbol"),
        ),
    ]
