"""Leased background jobs that another process can take: films, for one.

    a room --put--> Jobs (callboard.db) --take--> Worker, here or `callboard worker` --finish--> the room

Who takes a job has it under a lease and renews that while it works. A lease that runs out, since its
worker died, gives the job to the next one. Bytes go over HTTP, at addresses of the room that put the job.
"""
