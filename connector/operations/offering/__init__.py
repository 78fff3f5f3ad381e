"""What shops offer creators, by command: the rules are kept by `programme.collaborations`."""
