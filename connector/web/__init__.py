"""What pages and routes share: guards, sessions, policy, layout, words, problems, cursors."""
