"""From text to a sound object: reading, voices, mastering, codec, store, and the studio that goes through them all."""
