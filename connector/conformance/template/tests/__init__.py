"""The tests that go with the platform."""
