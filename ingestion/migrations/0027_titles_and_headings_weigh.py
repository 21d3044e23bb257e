"""Words of titles and headings may count several times. Columns with a constant default: no table is rewritten."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0026_names_for_people'),
    ]

    operations = [
        migrations.AddField(
            model_name='collection',
            name='heading_weight',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, help_text='The same for the headings above a passage.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)], verbose_name='weight of headings'),
        ),
        migrations.AddField(
            model_name='collection',
            name='next_heading',
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='collection',
            name='next_title',
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='collection',
            name='title_weight',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, help_text="How many times a word counts that stands in the document's title, 1 to 10.", validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)], verbose_name='weight of titles'),
        ),
        migrations.AddField(
            model_name='collection',
            name='weighed_heading',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.AddField(
            model_name='collection',
            name='weighed_title',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False),
        ),
    ]
