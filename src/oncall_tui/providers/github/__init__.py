"""GitHub, as far as a deploy needs it: the commits between two versions. It is no source: nothing is polled."""
