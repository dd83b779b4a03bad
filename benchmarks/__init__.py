"""Speed, measured against what can be written by hand: `python -m benchmarks NAME [--quick]`.

Every benchmark runs ours, the limit (the same work written by hand) and the rivals in one run on
the same data, in short rounds that take turns, so that a busy machine slows all of them alike. The
figures are ratios; the rates beside them say only how fast this machine was. A bar that does not
hold is MISSED and the exit code 1.
"""
