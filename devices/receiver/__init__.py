"""The agent that runs on the box at a commune's loudspeaker: it holds the signed plan and plays it by itself.

It must keep to its work for years on a pole: nothing that comes over the network may stop it, whatever it
acknowledged is on disk, and while it isn't sure of the time or of a signature, it is silent.

- `identity`: who the box is and whom it believes
- `agent`, `control`: one thread does all the work; the network and the sound output only put things into its queue
- `clock`: trustworthy time from signed answers
- `planbook`, `orders`, `execution`: plans and commands, checked, kept, carried out once
- `supply`, `fetch`, `cache`: audio objects, one chunk at a time
- `decisions`, `player`, `jobs`: what may sound, when, and what becomes of it
- `staging`, `reel`, `mixer`, `outputs`, `evidence`: how it gets out, and how loud it was
- `state`, `outbox`, `ledger`, `postman`: signed, chained records of what was played, kept until acknowledged
- `messenger`, `presence`, `machine`: what the box says of itself
"""
