"""Migrations know the manager that sees private collections, too. Nothing changes in the database."""

import django.db.models.manager
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0020_budget_warnings'),
    ]

    operations = [
        migrations.AlterModelManagers(
            name='collection',
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('every', django.db.models.manager.Manager()),
            ],
        ),
    ]
