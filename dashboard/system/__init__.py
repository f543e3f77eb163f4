"""What all the processes do, for a person who has just been woken up."""
