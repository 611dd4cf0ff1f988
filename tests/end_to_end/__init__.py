"""The whole service as people run it: processes, signals, crashes, commands."""
