"""Recordings (bản thu âm): people's voices for the languages that no engine speaks.

`originals` keeps a file as it came; `decoding` turns any of them into blocks of samples; `analysis` measures those in
one pass; `checks` says in words what is wrong; `waveform` draws; `recipe` trims and joins without touching originals.
"""
