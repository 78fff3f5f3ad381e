"""What a person runs, and what runs by itself, of who is credited: codes, leaks, acts, standing customers."""
