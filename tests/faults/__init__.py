"""Faults: real processes killed, frozen, cut off and starved, on a real database. Nothing may be lost or paid twice."""
