"""The threshold that the calibration gave."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0010_guards'),
    ]

    operations = [
        migrations.AlterField(
            model_name='cachepolicy',
            name='threshold',
            field=models.FloatField(default=0.95, help_text='How similar: the cosine of the two questions, 0.8 to 1.', validators=[django.core.validators.MinValueValidator(0.8), django.core.validators.MaxValueValidator(1.0)]),
        ),
    ]
