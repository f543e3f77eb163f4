"""Facts as messages, written with the fact and read by the stream and the notifications."""
