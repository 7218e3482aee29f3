"""When: recurrence, the timetable of airings, and the engine that fires what is due, once."""
