"""The console in a real browser, beside a real service and a PARS that decides in seconds."""
