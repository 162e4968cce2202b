"""What our servers have in common: who may ask, how much is sent, where they listen."""
