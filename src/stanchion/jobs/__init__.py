"""The queue: jobs in the database of the app, made in its transactions, run by its processes.

`rows` has the statements, `workers` the jobs of one process, `trying` one try of a job (`pace` and
`reason` are parts of it), `schedule` what becomes a job by itself, `bell` what wakes a process at
once. What an app declares is read by `declare/jobs`.
"""

from .bell import ring
from .rows import JobRow, NewJob, enqueue, new_job, read_jobs, retry_all, retry_one
from .workers import JobWorkers, WorkPlan

__all__ = [
    "JobRow", "JobWorkers", "NewJob", "WorkPlan", "enqueue", "new_job", "read_jobs", "retry_all",
    "retry_one", "ring",
]  # fmt: skip
