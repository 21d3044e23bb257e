"""Starting Footnote on one machine: the home folder, the embedded Postgres, its roles, and the processes.

Entry points (each run by a script of the same name in ``bin/``): ``up``, ``manage``, ``test``. Nothing in here is
imported by the running application, except ``roles``, which production uses too (``manage.py bootstrap_roles``).

    errors < home < credentials < binaries < server < guard      who owns the Postgres process
    roles, queue_schema                                          what is inside of it
    connections                                                  the variables that settings.py reads
    tether, logs, children, programs                             the processes of ``bin/up``
    prepare, prepared, port, readiness                           its other steps
"""
