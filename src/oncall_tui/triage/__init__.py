"""board -> what to look at first, and why. Pure: every claim is made from the board alone."""
