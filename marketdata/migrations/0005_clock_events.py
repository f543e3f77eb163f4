from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0004_connection_attempts"),
    ]

    operations = [
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
                    ("clock", "clock"),
                    ("late", "late"),
                ],
                max_length=30,
            ),
        ),
    ]
