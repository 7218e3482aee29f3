"""The newsroom: dispatches, campaigns, bulletins, programmes, delivery, the play log, airtime."""
