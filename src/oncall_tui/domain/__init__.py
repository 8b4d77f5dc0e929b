"""What the program talks about: pure, frozen values. Times are seconds since the epoch, UTC."""
