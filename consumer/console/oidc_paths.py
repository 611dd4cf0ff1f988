"""Where a sign-in at a provider begins, and where the provider sends people back to."""

START, BACK = "/sign-in/provider", "/sign-in/provider/back"
