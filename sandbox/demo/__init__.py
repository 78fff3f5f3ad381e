"""The main job as a scripted day of trade: real processes, real HTTP, and proofs from two witnesses."""
