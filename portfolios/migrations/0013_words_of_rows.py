"""Help texts of the rows, in the words of the field."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0012_commands"),
    ]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="currency",
            field=models.CharField(default="USD", help_text="of its equity and results", max_length=10),
        ),
        migrations.AlterField(
            model_name="account",
            name="first_sequence",
            field=models.BigIntegerField(default=0, help_text="it trades from the frame after this one on"),
        ),
        migrations.AlterField(
            model_name="fill",
            name="evidence",
            field=models.JSONField(default=dict, help_text="the market data it was matched on"),
        ),
        migrations.AlterField(
            model_name="message",
            name="data",
            field=models.JSONField(help_text="as the REST API shows it"),
        ),
        migrations.AlterField(
            model_name="order",
            name="is_after_gap",
            field=models.BooleanField(default=False, help_text="the market was not watched since it was last matched"),
        ),
    ]
