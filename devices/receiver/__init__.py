"""The agent that runs on the box at a commune's loudspeaker: it holds the signed plan and plays it by itself.

It must keep to its work for years on a pole: nothing that comes over the network may stop it, whatever it
acknowledged is on disk, and while it isn't sure of the time or of a signature, it is silent.

- `identity`: who the box is and whom it believes
- `clock`: trustworthy time from signed answers
- `trustee`: checks what comes from the server, and keeps the floors of sequences
- `planbook`: the plan on disk
- `fetch`, `cache`: audio objects, one chunk at a time
- `decisions`, `player`, `mixer`, `outputs`: what sounds when, and how it gets out
- `journal`, `outbox`: signed, chained records of what was played, kept until acknowledged
- `agent`: wires these together; one thread does all the work, the network only puts things into its queue
"""
