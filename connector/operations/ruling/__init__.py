"""The rules over the whole list: the worker's round of screening, and the commands that publish versions."""
