"""Files for people: reports to upload by hand, the answers they bring back, and audit packs."""
