"""The tracker: a small production database whose clients are the official ones, and whose changes are events.

    POST /api -> answering -> operations, selecting -> tables
                 one transaction: rows and outbox -> telling -> ftrack.update

Imported only where the configuration has `tracker:`; it needs the extra `studio`.
"""
