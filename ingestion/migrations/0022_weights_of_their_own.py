"""k1 and b can be changed: what entries are weighted with stands beside what is wanted. Columns without a rewrite."""

import django.core.validators
import pgvector.django.sparsevec
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0021_collection_managers'),
    ]

    operations = [
        migrations.AddField(
            model_name='collection',
            name='next_b',
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='collection',
            name='next_k1',
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='collection',
            name='weighed_b',
            field=models.FloatField(db_default=0.75, default=0.75, editable=False),
        ),
        migrations.AddField(
            model_name='collection',
            name='weighed_k1',
            field=models.FloatField(db_default=1.2, default=1.2, editable=False),
        ),
        migrations.AddField(
            model_name='lexicalentry',
            name='next_weights',
            field=pgvector.django.sparsevec.SparseVectorField(null=True),
        ),
        migrations.AlterField(
            model_name='collection',
            name='bm25_b',
            field=models.FloatField(default=0.75, help_text='How much long passages are held back: 0 not at all, 1 by their whole length.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1)], verbose_name='b of BM25'),
        ),
        migrations.AlterField(
            model_name='collection',
            name='bm25_k1',
            field=models.FloatField(default=1.2, help_text='How much further occurrences of a word count, 0.1 to 10; usual are 0.9 to 2.', validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(10)], verbose_name='k1 of BM25'),
        ),
    ]
