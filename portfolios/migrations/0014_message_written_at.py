from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0013_words_of_rows"),
    ]

    operations = [
        migrations.RenameField(model_name="message", old_name="told_at", new_name="written_at"),
    ]
