"""Asking an LMS who a learner is, where the office's table does not say."""
