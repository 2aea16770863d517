"""Random damages of true readings: does a day that is read whole say what the home used?"""
