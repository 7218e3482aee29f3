"""Does a receiver keep the contract? The kit plays the server over a real broker and judges what comes back.

It knows the receiver only by what goes over the broker (and, where there is one, by a recording of its sound), and
judges by docs/receiver-protocol.md: every check is one function of `checks/`, whose docstring names the passage.

- `desk`: the server's side, `journal`: what the receiver said, `programme`: the plan that all checks share,
- `line`: what the receiver connects through, so that its network can be cut; `power`: the hand at its plug,
- `door`: where it is enrolled; `recording`: what was heard; `running`: checks side by side.

A check is a generator: it yields what it waits for, and returns its evidence. So those that wait for airtimes wait
together, on one thread; the receiver has one timeline, on which each takes a stretch of its own.
"""
