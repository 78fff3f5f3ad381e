"""Telling the app's back end what happened, as it happens: events by Standard Webhooks.

catalogue.py  every kind of event: when it is told, what is in it, an example
gather.py     notices and sealed ledger entries → events, with a send for each endpoint that wants them
sending.py    sends that are due → requests, signed; what came of each
retrying.py   how long until the next attempt, and when to give up: arithmetic alone
endpoints.py  where events go: made, changed, secrets rotated, switched off and on
replay.py     sending again: one, many, all since a moment
queries.py    what the console and the API read

Nothing is told inside the act: an act writes its notice, or its ledger entry, and the worker does the rest.
"""
