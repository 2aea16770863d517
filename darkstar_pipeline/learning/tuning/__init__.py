"""Learning of a site's slowly drifting quantities from its readings: a bounded step a day, with history and reset."""
