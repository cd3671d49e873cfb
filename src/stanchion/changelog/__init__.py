"""What becomes of the change log: who reads it, what each may see of it, how much of it is kept.

`store/changes` writes it down, one row for each change, in the transaction of the change.

`reader`   a name, a position that outlives processes, each change at least once
`sight`    what one caller may see of a logged change
`past`     the records as they were at a place of the log, for the rules that judge it
`trim`     the log kept within its days and its size
"""
