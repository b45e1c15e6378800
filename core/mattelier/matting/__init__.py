"""picture + hint → alpha, and the straight colour beneath it."""
