"""Which form an event's bytes have and how each form is read; consumer/event.py chooses."""
